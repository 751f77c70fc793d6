"""Feishu group bot 飞书群机器人: `feishu://TOKEN?secret=…`. Its no comes inside an HTTP 200."""
