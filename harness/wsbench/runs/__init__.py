"""Plans and their stages: fit, predict, score, measure, record."""
