"""The BGP speaker (RFC 4271) for EVPN: pure, sans-IO. `Speaker` is what the node drives.

    node ── received, connected, tick … ──► Speaker ──► Session (fsm table, timers, negotiate), one a connection
         ◄── Dial, Send, Close, changes ──┘   ├──► Rib (best_path): routes of all sources by key
                                              └──► Outbound (export, reflector): what each peer is owed

A key names a route (RD, tag, MAC, IP for type 2). MAC mobility across RDs is not decided here but in
control/evpn: to BGP routes of different RDs are different routes.

RFCs: 4271, 4456, 4724 (End-of-RIB), 4760, 5492, 6286, 6608, 6793, 7606, 8654, 9003, 9687. Not offered: ADD-PATH,
enhanced refresh, confederations, and of graceful restart anything but End-of-RIB. RFC 8212 does not apply:
configuring a neighbour is the policy.
"""

from weft.control.bgp.commands import Close, Command, Dial, Send
from weft.control.bgp.fsm import State
from weft.control.bgp.peer import PeerStatus
from weft.control.bgp.reasons import MEANINGS, Reason
from weft.control.bgp.route import BestChange, Route, Source
from weft.control.bgp.speaker import Speaker

__all__ = [
    "MEANINGS",
    "BestChange",
    "Close",
    "Command",
    "Dial",
    "PeerStatus",
    "Reason",
    "Route",
    "Send",
    "Source",
    "Speaker",
    "State",
]
