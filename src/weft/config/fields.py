"""The field types of configuration models: text of a file -> checked values, each refusal with what to do.

A refusal is a pydantic error of type `REFUSED` whose context holds `message` and `hint`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, PlainValidator
from pydantic_core import PydanticCustomError

from weft.config.tree import Control
from weft.values import Asn, Encap, InvalidValue, Ip, Mac, Prefix, Rd, RouteTarget, Vni, asn, vni

REFUSED = "refused"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,30}")
# The kernel refuses `/`, `:`, blanks, "." and ".."; it reads `%` as a request to number the name.
_INTERFACE = re.compile(r"(?!\.{1,2}$)[!-$&-.0-9;-~]{1,15}")
_SHOWN_CHARACTERS = 60

Value = TypeVar("Value")


def refusal(message: str, hint: str = "") -> PydanticCustomError:
    return PydanticCustomError(REFUSED, "{message}", {"message": message, "hint": hint})


def shown(value: object) -> str:
    """A value of the file as a person would write it, shortened."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    words = {None: "an empty value", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    text = str(value) if isinstance(value, int | float) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _parsed(parse: Callable[[str], Value], hint: str) -> PlainValidator:
    """Text that `parse` turns into a value or refuses with InvalidValue."""

    def check(value: object) -> Value:
        if not isinstance(value, str):
            raise refusal(f"{shown(value)} is not text", hint)
        try:
            return parse(value)
        except InvalidValue as error:
            raise refusal(str(error), hint) from None

    return PlainValidator(check)


def _numbered(make: Callable[[int], Value], hint: str) -> PlainValidator:
    """A whole number that `make` turns into a value or refuses with InvalidValue."""

    def check(value: object) -> Value:
        if not isinstance(value, int) or isinstance(value, bool):
            raise refusal(f"{shown(value)} is not a whole number", hint)
        try:
            return make(value)
        except InvalidValue as error:
            raise refusal(str(error), hint) from None

    return PlainValidator(check)


def within(low: int, high: int, unit: str = "") -> PlainValidator:
    """A whole number of a range, both ends included."""

    def make(number: int) -> int:
        if not low <= number <= high:
            raise InvalidValue(f"{number} is {'below' if number < low else 'above'} {low if number < low else high}")
        return number

    return _numbered(make, f"use a number from {low} to {high}{unit}")


def one_of(built: tuple[str, ...], planned: tuple[str, ...] = ()) -> AfterValidator:
    """One of the words `built`; a word of `planned` is refused with what is built instead."""

    def check(value: str) -> str:
        if value in built:
            return value
        listed = " and ".join(built)
        if value in planned:
            verb = "is" if len(built) == 1 else "are"
            raise refusal(f"{value} is not built yet: {listed} {verb}", f"use {' or '.join(built)}")
        raise refusal(f"{shown(value)} is not one of {', '.join((*built, *planned))}", f"use {' or '.join(built)}")

    return AfterValidator(check)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise InvalidValue(f"{shown(text)} is not a name")
    return text


def is_interface_name(text: str) -> bool:
    """Whether the kernel takes this as a network device's name."""
    return _INTERFACE.fullmatch(text) is not None


def _interface(text: str) -> str:
    if not is_interface_name(text):
        raise InvalidValue(f"{shown(text)} is not an interface name")
    return text


def _tunnel_address(text: str) -> Ip:
    ip = Ip.parse(text)
    if ip.version == 6:
        raise InvalidValue(f"an IPv6 underlay ({ip}) is not built yet: IPv4 is")
    if ip.octets[0] == 0 or ip.octets[0] >= 224:
        raise InvalidValue(f"{ip} is not a unicast address")
    return ip


def _tunnel_prefix(text: str) -> Prefix:
    prefix = Prefix.parse(text)
    if prefix.ip.version == 6:
        raise InvalidValue(f"an IPv6 underlay ({prefix}) is not built yet: IPv4 is")
    return prefix


def _router_id(text: str) -> Ip:
    ip = Ip.parse(text)
    # RFC 6286 section 2.1: any 4-octet number but zero.
    if ip.version != 4 or not any(ip.octets):
        raise InvalidValue(f"{ip} is not a router id")
    return ip


def _station(text: str) -> Mac:
    mac = Mac.parse(text)
    if mac.is_group or mac.is_zero:
        raise InvalidValue(f"{mac} is not the address of one station")
    return mac


def _loopbacks(text: str) -> Prefix:
    prefix = Prefix.parse(text)
    if prefix.ip.version == 6:
        raise InvalidValue(f"an IPv6 underlay ({prefix}) is not built yet: IPv4 is")
    return prefix.network


def _remote_as(value: object) -> Asn | str:
    hint = "use a number, internal or external"
    if value in ("internal", "external"):
        return str(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise refusal(f"{shown(value)} is not an AS number", hint)
    try:
        return asn(value)
    except InvalidValue as error:
        raise refusal(str(error), hint) from None


def _hold_time(seconds: int) -> int:
    # RFC 4271 section 4.2: zero or at least three seconds.
    if seconds in (1, 2) or not 0 <= seconds <= 0xFFFF:
        raise InvalidValue(f"a hold time of {seconds} s is not allowed")
    return seconds


def _remote_shape(value: object) -> object:
    if isinstance(value, list):
        raise refusal(
            "several addresses of one remote are not built yet: one address is", "write each address as a remote"
        )
    return value if isinstance(value, dict) else {"address": value}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1_000_000:
        raise refusal(f"{shown(value)} is not a number of seconds above 0", "use seconds, e.g. 300")
    return float(value)


ONE_OR_MORE = BeforeValidator(_listed)
"""A single value where a list is expected counts as a list of one."""

REMOTE_SHAPE = BeforeValidator(_remote_shape)
"""A bare address stands for `{address: …}`."""

Name = Annotated[
    str, _parsed(_name, "use letters, digits, dot, dash and underscore; first a letter or digit; at most 31 characters")
]
InterfaceName = Annotated[
    str, _parsed(_interface, "use 1 to 15 characters without blanks, slash, colon and percent sign")
]
Text = Annotated[str, _parsed(str, "write text; put a number in quotes")]
Address = Annotated[Ip, _parsed(Ip.parse, "write an address such as 192.0.2.7")]
TunnelAddress = Annotated[Ip, _parsed(_tunnel_address, "write an IPv4 address such as 192.0.2.7")]
RouterId = Annotated[Ip, _parsed(_router_id, "write four numbers such as 192.0.2.7")]
AnyPrefix = Annotated[Prefix, _parsed(Prefix.parse, "write address/length such as 10.1.10.0/24")]
TunnelPrefix = Annotated[Prefix, _parsed(_tunnel_prefix, "write an IPv4 prefix such as 192.0.2.0/24")]
Loopbacks = Annotated[Prefix, _parsed(_loopbacks, "write an IPv4 prefix such as 10.255.0.0/24")]
StationMac = Annotated[Mac, _parsed(_station, "write a unicast address such as 02:00:00:00:00:0a")]
Distinguisher = Annotated[Rd, _parsed(Rd.parse, "write AS:number or IPv4:number")]
Target = Annotated[RouteTarget, _parsed(RouteTarget.parse, "write AS:number or IPv4:number")]
VniNumber = Annotated[Vni, _numbered(vni, "use a number from 1 to 16777215")]
AsNumber = Annotated[Asn, _numbered(asn, "use a number from 1 to 4294967295")]
RemoteAs = Annotated[Asn | str, PlainValidator(_remote_as)]
UdpPort = Annotated[int, within(1, 0xFFFF)]
Mtu = Annotated[int, within(68, 0xFFFF, " octets")]
HoldTime = Annotated[int, _numbered(_hold_time, "use 0 (never) or 3 to 65535 seconds")]
Seconds = Annotated[float, PlainValidator(_seconds)]

EncapWord = Annotated[str, one_of((Encap.VXLAN,), (Encap.GRE, Encap.NVGRE, Encap.GENEVE, Encap.STT))]
ControlWord = Annotated[str, one_of((Control.EVPN, Control.STATIC), (Control.LEARN,))]
DataplaneWord = Annotated[str, one_of(("ebpf", "fake"), ("user", "ovs"))]
FloodWord = Annotated[str, one_of(("ingress-replication",), ("multicast",))]
