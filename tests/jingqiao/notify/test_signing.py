"""Signatures against the examples that the providers themselves print."""

import hashlib

from jingqiao.notify.channels.alisms import signing as aliyun
from jingqiao.notify.channels.tencentsms import signing as tencent

EMPTY = hashlib.sha256(b"").hexdigest()


def test_the_signature_of_aliyuns_own_example() -> None:
    """help.aliyun.com, V3 版本请求体&签名机制, 固定参数示例: RunInstances."""
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
    """cloud.tencent.com, 签名方法 v3: DescribeInstances with the two obligatory headers."""
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
