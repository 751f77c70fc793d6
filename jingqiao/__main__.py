"""`python -m jingqiao`: the same as the command."""

from jingqiao.cli import main

main(prog_name="jingqiao")
