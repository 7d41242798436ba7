"""`python -m kinfast`, and `torchrun -m kinfast`."""

from kinfast.cli.main import run

if __name__ == "__main__":
    run()
