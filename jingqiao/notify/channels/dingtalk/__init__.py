"""DingTalk group robot 钉钉群机器人: `dingtalk://SECRET@TOKEN/PHONE`. Its no comes inside an HTTP 200."""
