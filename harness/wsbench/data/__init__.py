"""From a dataset's files to samples, roles and views."""
