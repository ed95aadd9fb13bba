"""moto's server, with the tasks it runs reachable: their private addresses are 127.0.0.2, .3, … instead of
random ones of 10.0.0.0/8, where nobody listens and where a test must not knock. With its checks on it takes
AssumeRoleWithWebIdentity unsigned, as STS does: moto looks for a signature on every call. And a page of
DescribeInstances has three reservations at most, as AWS, too, may give fewer than it is asked for.

python moto_server.py -H 127.0.0.1 -p PORT
"""

import itertools

import moto.ecs.models
import moto.server
from moto.ec2.responses.instances import InstanceResponse
from moto.sts.responses import TokenResponse

_addresses = (f"127.0.{number // 250}.{number % 250 + 2}" for number in itertools.count())

moto.ecs.models.random_private_ip = lambda: next(_addresses)

_authenticate = TokenResponse._authenticate_and_authorize_normal_action


def _authenticate_all_but_web_identity(self, resource="*"):
    if self._get_action() == "AssumeRoleWithWebIdentity":
        assert "Authorization" not in self.headers, "the token says who asks, no signature"
        assert self._get_param("WebIdentityToken"), "a token"
        return
    _authenticate(self, resource)


TokenResponse._authenticate_and_authorize_normal_action = _authenticate_all_but_web_identity

_EC2_PAGE = 3
_get_param = InstanceResponse._get_param


def _capped(self, name, *rest, **more):
    found = _get_param(self, name, *rest, **more)
    return min(int(found), _EC2_PAGE) if name == "MaxResults" and found is not None else found


InstanceResponse._get_param = _capped

if __name__ == "__main__":
    moto.server.main()
