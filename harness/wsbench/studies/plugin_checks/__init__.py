"""The contract that plugins keep, as a list of checks for each kind of plugin."""
