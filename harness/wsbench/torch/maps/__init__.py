"""Maps of any classifier: the layers and cells that they explain, and every kind of map."""
