"""WeCom group bot 企业微信群机器人: `wecombot://KEY`. It says no inside an HTTP 200; this plugin hears it."""
