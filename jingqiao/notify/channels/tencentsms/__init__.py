"""Tencent SMS 腾讯云短信: `tencentsms://SECRET_ID:SECRET_KEY@APP_ID/TEMPLATE/PHONE?sign=签名`.

Receipts and people's replies are pulled: "1" answers an incident. After a time-out it is asked first.
"""
