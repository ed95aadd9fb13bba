"""moto's server, with the tasks it runs reachable: their private addresses are 127.0.0.2, .3, … instead of
random ones of 10.0.0.0/8, where nobody listens and where a test must not knock.

python moto_server.py -H 127.0.0.1 -p PORT
"""

import itertools

import moto.ecs.models
import moto.server

_addresses = (f"127.0.{number // 250}.{number % 250 + 2}" for number in itertools.count())

moto.ecs.models.random_private_ip = lambda: next(_addresses)

if __name__ == "__main__":
    moto.server.main()
