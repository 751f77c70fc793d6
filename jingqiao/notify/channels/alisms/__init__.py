"""Aliyun SMS 阿里云短信: `alisms://KEY_ID:KEY_SECRET@TEMPLATE/PHONE?sign=签名`.

`SendSms` is not idempotent: after a time-out the provider is asked for the message before it is sent again.
Notice SMS are limited to 50 a day for one number, signature and template.
"""
