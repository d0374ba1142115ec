"""`python -m gateway` and the console script `bastion`."""

from gateway.cli import bastion


def main() -> None:
    bastion(prog_name="bastion")


if __name__ == "__main__":
    main()
