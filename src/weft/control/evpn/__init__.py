"""EVPN is translation: between a network's addresses and routes (RFC 7432, RFC 8365).

    local facts ──► originate.py ──► routes of our own, type 2 and 3
    best routes ──► resolve.py   ──► overlay facts: members, acceptances, addresses
                    mobility.py  decides which of several claims to an address holds

Limits, as yet: single-homed sites (ESI 0), one broadcast domain a network, ingress replication, VXLAN.
"""

from weft.control.evpn.instance import Evpn, Outcome
from weft.control.evpn.reasons import MEANINGS, Ignored

__all__ = ["MEANINGS", "Evpn", "Ignored", "Outcome"]
