"""WeCom application 企业微信应用消息: `wecomapp://CORPID:SECRET@AGENTID/USERID`.

The provider says "ok" though `invaliduser` names the recipient, and drops a second copy of the same message
by itself (`enable_duplicate_check`), so a try that nobody saw end can be repeated.
"""
