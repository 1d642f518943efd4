"""Sources of released models. Each module here is one: its name is the prefix that users type.

A source defines ``released(name, outputs, channels)``, which gives a `Released`. With ``outputs`` None it is
the published model of that name with its own head; else a network with random weights, with that many outputs
and input channels, which a file fills.
"""
