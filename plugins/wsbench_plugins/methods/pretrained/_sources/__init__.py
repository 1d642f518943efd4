"""Sources of released models. Each module here is one: its name is the prefix that users type.

A source defines ``released(name, outputs, channels)``, which returns a `Released`. Without ``outputs``, it is
the published model of that name with its own head. With them, it is a network with random weights and that
many outputs and input channels, which a file fills.
"""
