"""From predictions and truth, as values, to metrics with intervals."""
