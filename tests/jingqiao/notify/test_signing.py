"""Signatures against the examples that the providers themselves print; each was looked up, not remembered."""

import hashlib
import hmac

from jingqiao.notify.channels import aliyun, dingtalk, feishu
from jingqiao.notify.channels.tencentsms import signing as tencent

EMPTY = hashlib.sha256(b"").hexdigest()


def test_the_signature_of_aliyuns_own_example() -> None:
    """help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature: RunInstances."""
    signed = aliyun.authorization(
        "YourAccessKeyId",
        "YourAccessKeySecret",
        "POST",
        {
            "RegionId": "cn-shanghai",
            "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        },
        {
            "host": "ecs.cn-shanghai.aliyuncs.com",
            "x-acs-action": "RunInstances",
            "x-acs-content-sha256": EMPTY,
            "x-acs-date": "2023-10-26T10:22:32Z",
            "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
            "x-acs-version": "2014-05-26",
        },
        b"",
    )
    assert signed == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
        "x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


TENCENT_BODY = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
TENCENT_HEADERS = {"content-type": "application/json; charset=utf-8", "host": "cvm.tencentcloudapi.com"}


def test_the_signature_of_tencents_own_example() -> None:
    """cloud.tencent.com/document/product/679/47719, 签名方法 v3: two obligatory headers."""
    signed = tencent.authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        "Gu5t9xGARNpq86cd98joQYCN3*******",
        "cvm",
        1551113065,
        TENCENT_HEADERS,
        TENCENT_BODY,
    )
    assert signed == (
        "TC3-HMAC-SHA256 Credential=AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******/2019-02-25/cvm/tc3_request, "
        "SignedHeaders=content-type;host, "
        "Signature=2230eefd229f582d8b1b891af7107b91597240707d778ab3738f756258d7652c"
    )


def test_the_canonical_request_of_tencents_newer_example() -> None:
    """The same page since 2022 signs `x-tc-action` too; its key is masked, its hash is not."""
    canonical = tencent.canonical_request(
        TENCENT_HEADERS | {"x-tc-action": "describeinstances"}, TENCENT_BODY
    )
    assert (
        hashlib.sha256(canonical.encode()).hexdigest()
        == "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
    )


def test_the_last_step_of_tencents_newer_example() -> None:
    """It prints the derived key in place of the masked secret, and the signature that this key gives."""
    to_sign = (
        "TC3-HMAC-SHA256\n1551113065\n2019-02-25/cvm/tc3_request\n"
        "7019a55be8395899b900fb5564e4200d984910f34794a27cb3fb7d10ff6a1e84"
    )
    key = bytes.fromhex("b596b923aad85185e2d1f6659d2a062e0a86731226e021e61bfe06f7ed05f5af")
    assert hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest() == (
        "10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f"
    )


def test_the_signature_that_dingtalks_own_program_gives() -> None:
    """open.dingtalk.com, 自定义机器人安全设置 prints a program and its `this is secret`, but no result;
    this one others published for it (CodeIslandCore's PushSigningAndResponseTests)."""
    assert dingtalk.channel.signature("this is secret", 1577262236757) == (
        "hmPWwU+7lVdm3ZZz0r9tSfx0L4Q26jWOZr9+Gs6EZQM="
    )


def test_the_signature_that_feishus_own_program_gives() -> None:
    """open.feishu.cn, 自定义机器人使用指南 prints a program and the time 1599360473, but no result;
    this one two other projects published for that time and `demo`."""
    assert feishu.channel.signature("demo", 1599360473) == "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="
