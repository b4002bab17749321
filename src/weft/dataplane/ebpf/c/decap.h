/* The closed tunnel: which packets are opened (tunnels.open_packet), and opening them. */
#pragma once
#include "output.h"

#define NOT_OURS 1

struct opened {
    __u32 bridge, group, nexthop, bridge_flags;
    __u32 length;     /* octets of the inner frame */
    __u8 outer_ecn;
};

/* tunnels._is_for_vtep, the cheap tests first. */
static __always_inline int is_for_vtep(struct __sk_buff *skb, const struct weft_config *settings, const struct outer *o)
{
    if (o->eth.type != bpf_htons(ETHERTYPE_IPV4) || o->ip.protocol != 17 || o->ip.version_words >> 4 != 4)
        return 0;
    if (skb->pkt_type != 0 || skb->vlan_present || o->ip.fragment & bpf_htons(0x1fff))
        return 0;
    __u32 header = (o->ip.version_words & 0xf) * 4;
    __be16 port = o->udp.dst;
    if (header < IPV4_OCTETS)
        return 0;
    if (header > IPV4_OCTETS && bpf_skb_load_bytes(skb, ETHERNET_OCTETS + header + 2, &port, 2))
        return 0;
    if (port != bpf_htons(settings->udp_port))
        return 0;
    __be32 address = o->ip.dst;
    return bpf_map_lookup_elem(&locals, &address) != 0;
}

/* tunnels._expected */
static __always_inline int expected(__be32 source, __u32 key, struct opened *out)
{
    struct weft_accept_key id = {.remote = source, .key = key};
    struct weft_accept *accept = bpf_map_lookup_elem(&accepts, &id);
    if (accept) {
        out->bridge = accept->bridge;
        out->group = accept->group;
        out->nexthop = accept->nexthop;
        out->bridge_flags = accept->bridge_flags;
        return 0;
    }
    struct weft_wire_key *own = bpf_map_lookup_elem(&wire_keys, &key);
    if (!own)
        return -DROP_UNKNOWN_VNI;
    struct weft_source whole = {.bits = 32, .address = source};
    if (!bpf_map_lookup_elem(&sources, &whole))
        return -DROP_UNKNOWN_VTEP;
    out->bridge = own->bridge;
    out->group = WEFT_MESH_GROUP;
    out->nexthop = 0;
    out->bridge_flags = own->bridge_flags;
    return 0;
}

/* 0: to be opened; NOT_OURS: the host's; below zero: a drop reason. */
static __always_inline int open_packet(struct __sk_buff *skb, const struct weft_config *settings, struct opened *out)
{
    /* A packet that ends before the VXLAN header can still be ours, and malformed: look at what is there. */
    struct outer o = {};
    if (skb->len < ETHERNET_OCTETS + IPV4_OCTETS + 8)
        return NOT_OURS;
    if (skb->len >= sizeof(o)) {
        struct outer *whole = at(skb, 0, sizeof(o));
        if (!whole)
            return NOT_OURS;
        o = *whole;
    } else if (bpf_skb_load_bytes(skb, 0, &o, ETHERNET_OCTETS + IPV4_OCTETS + 8)) {
        return NOT_OURS;
    }
    if (!is_for_vtep(skb, settings, &o))
        return NOT_OURS;
    if (o.ip.version_words != 0x45)
        return -DROP_OUTER_OPTIONS;
    if (ipv4_sum(&o.ip))
        return -DROP_OUTER_CHECKSUM;
    if (o.ip.fragment & bpf_htons(0x2000))
        return -DROP_OUTER_FRAGMENT;
    __u32 total = bpf_ntohs(o.ip.total);
    if (bpf_ntohs(o.udp.length) + (__u32)IPV4_OCTETS != total || total + ETHERNET_OCTETS > skb->len ||
        total < WEFT_UNDERLAY_OCTETS)
        return -DROP_OUTER_LENGTH;
    __u32 flags = bpf_ntohl(o.vxlan.flags), vni = bpf_ntohl(o.vxlan.vni);
    if (!(flags & 0x08000000))
        return -DROP_VXLAN_NO_VNI;
    if (settings->flags & WEFT_CONFIG_STRICT && (flags & 0xf7ffffff || vni & 0xff))
        return -DROP_VXLAN_RESERVED;
    out->length = total - WEFT_UNDERLAY_OCTETS;
    out->outer_ecn = o.ip.tos & 3;
    return expected(o.ip.src, vni >> 8, out);
}

/* wire/ecn.py, RFC 6040 section 4.2: the inner field after decapsulation, or a drop reason. */
static __always_inline int combined_ecn(__u8 inner, __u8 outer)
{
    if (outer == 3)
        return inner ? 3 : -DROP_ECN_INVALID;
    return outer == 1 && inner == 2 ? 1 : inner;
}

static __always_inline int write_ecn(struct __sk_buff *skb, __u16 type, __u8 ecn)
{
    __u8 pair[2];
    if (bpf_skb_load_bytes(skb, ETHERNET_OCTETS, pair, 2))
        return -DROP_KERNEL_REFUSED;
    if (type == ETHERTYPE_IPV6) {
        pair[1] = (pair[1] & 0xcf) | ecn << 4;
    } else {
        __be16 from = *(__be16 *)pair;
        pair[1] = (pair[1] & 0xfc) | ecn;
        if (bpf_l3_csum_replace(skb, ETHERNET_OCTETS + 10, from, *(__be16 *)pair, 2))
            return -DROP_KERNEL_REFUSED;
    }
    return bpf_skb_store_bytes(skb, ETHERNET_OCTETS, pair, 2, 0) ? -DROP_KERNEL_REFUSED : 0;
}

/* Take the outer headers off. The kernel can shrink a packet to Ethernet and an IP header, no further. */
static __always_inline int strip(struct __sk_buff *skb, const struct opened *o, const struct frame *f)
{
    __u32 length = o->length < WEFT_MIN_DELIVERED_OCTETS ? WEFT_MIN_DELIVERED_OCTETS : o->length;
    if (skb->len != WEFT_OUTER_OCTETS + o->length && bpf_skb_change_tail(skb, WEFT_OUTER_OCTETS + o->length, 0))
        return -DROP_KERNEL_REFUSED;
    if (length != o->length && bpf_skb_change_tail(skb, WEFT_OUTER_OCTETS + length, 0))
        return -DROP_KERNEL_REFUSED;
    __u64 flags = ROOM_FIXED_GSO | ROOM_NO_CSUM_RESET;
    long result = -1;
    if (f->type == ETHERTYPE_IPV6)
        result = bpf_skb_adjust_room(skb, -WEFT_OUTER_OCTETS, ROOM_MAC, flags | ROOM_DECAP_L3_IPV6);
    if (result && bpf_skb_adjust_room(skb, -WEFT_OUTER_OCTETS, ROOM_MAC, flags))
        return -DROP_KERNEL_REFUSED;
    struct ethernet *eth = at(skb, 0, sizeof(*eth));
    if (!eth)
        return -DROP_KERNEL_REFUSED;
    *eth = f->eth;
    return 0;
}
