"""BGP messages (RFC 4271) as values, for a speaker of EVPN (AFI 25, SAFI 70). Pure: octets in, values out.

`framing` cuts a stream into messages; `open`, `update`, `notification` and `refresh` read and write one kind each.
Reading raises only WireError; where the standard wants the session to end it is a BgpError that carries the
NOTIFICATION. Errors inside an UPDATE that the session survives are returned with their treatment (RFC 7606).

RFCs: 4271, 4360, 4456, 4724 (End-of-RIB; the capability is kept, not acted on), 4760, 5492, 6286, 6514, 6793, 7432,
7606, 7607, 8092, 8365, 8654, 9003, 9012, 9072. Families other than EVPN are checked for form and ignored.
"""
