"""``python -m wsbench``, for programs that start Python themselves, such as torchrun."""

from wsbench.cli import command

if __name__ == "__main__":
    command()
