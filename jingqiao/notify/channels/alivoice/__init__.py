"""Aliyun voice call 阿里云语音: `alivoice://KEY_ID:KEY_SECRET@TTS_CODE/PHONE`. A phone that rings wakes.

Used for red only, where the roster does not say otherwise. Whether somebody listened is asked, and pushed.
"""
