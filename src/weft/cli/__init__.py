"""The command line: one file per noun. It talks to an agent's API; only `weft agent` starts one."""
