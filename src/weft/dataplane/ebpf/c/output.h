/* Where frames leave: by a local port, or wrapped into a tunnel. */
#pragma once
#include "frame.h"

struct outer {
    struct ethernet eth;
    struct ipv4 ip;
    struct { __be16 src, dst, length; __sum16 sum; } __attribute__((packed)) udp;
    struct { __be32 flags, vni; } __attribute__((packed)) vxlan;
} __attribute__((packed));
_Static_assert(sizeof(struct outer) == WEFT_OUTER_OCTETS, "outer headers");

/* Outer headers and the inner Ethernet header behind them, written together. */
struct wrapped {
    struct outer outer;
    struct ethernet inner;
} __attribute__((packed));

/* What the tests read after a run: egress interface and number of copies. */
static __always_inline void note_egress(struct __sk_buff *skb, __u32 ifindex)
{
    skb->cb[1] = ifindex;
    skb->cb[2]++;
}

static __always_inline struct weft_traffic *traffic_of(struct weft_vap *vap)
{
    __u32 slot = vap->slot;
    return bpf_map_lookup_elem(&traffic, &slot);
}

static __always_inline __u32 wire_packets(struct __sk_buff *skb)
{
    return skb->gso_segs > 1 ? skb->gso_segs : 1;
}

static __always_inline void count_rx(struct __sk_buff *skb, struct weft_vap *vap)
{
    struct weft_traffic *t = traffic_of(vap);
    if (t) {
        t->rx_packets += wire_packets(skb);
        t->rx_octets += skb->len;
    }
}

/* The attachment point `ifindex` of `bridge`, with this frame counted as sent to it; 0 if it has left. */
static __always_inline struct weft_vap *egress_vap(struct __sk_buff *skb, __u32 ifindex, __u32 bridge)
{
    struct weft_vap *vap = bpf_map_lookup_elem(&vaps, &ifindex);
    if (!vap || vap->bridge != bridge)
        return 0;
    struct weft_traffic *t = traffic_of(vap);
    if (t) {
        t->tx_packets += wire_packets(skb);
        t->tx_octets += skb->len;
    }
    return vap;
}

/* bpf_redirect_peer skips the veth crossing, and with it the new look at the EtherType and the packet type that
 * broadcast and non-IP frames need; and IPv6 out of an IPv4 tunnel on kernels that cannot set the EtherType. */
static __always_inline int to_port(struct __sk_buff *skb, __u32 ifindex, __u32 bridge, __u16 type)
{
    struct weft_vap *vap = egress_vap(skb, ifindex, bridge);
    if (!vap)
        return -DROP_NO_DESTINATION;
    note_egress(skb, ifindex);
    if (vap->flags & WEFT_VAP_PEER && is_ip(type) && skb->protocol == bpf_htons(type))
        return bpf_redirect_peer(ifindex, 0);
    return bpf_redirect(ifindex, 0);
}

static __always_inline __sum16 ipv4_sum(const struct ipv4 *ip)
{
    const __u16 *word = (const __u16 *)ip;
    __u32 sum = 0;
    for (int i = 0; i < 10; i++)
        sum += word[i];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (__sum16)~sum;
}

/* Room for the outer headers in front. A GSO frame is wrapped whole: the kernel is told of the tunnel and cuts it
 * later, or the NIC does. Frames that carry a tunnel already cannot be announced twice: a small one gets plain
 * room. GSO frames of that kind, and those of neither TCP nor UDP, are refused. */
static __always_inline int make_room(struct __sk_buff *skb, __u16 type)
{
    if (is_ip(type)) {
        long result = bpf_skb_adjust_room(skb, WEFT_OUTER_OCTETS, ROOM_MAC,
                                          ROOM_FIXED_GSO | ROOM_NO_CSUM_RESET | ROOM_ENCAP_L3_IPV4 |
                                              ROOM_ENCAP_L4_UDP | ROOM_ENCAP_L2(ETHERNET_OCTETS) | ROOM_ENCAP_L2_ETH);
        if (!result)
            return 0;
        if (skb->gso_size)
            return -DROP_GSO_REFUSED;
        if (result != -EALREADY)
            return -DROP_KERNEL_REFUSED;
    }
    return bpf_skb_change_head(skb, WEFT_OUTER_OCTETS, 0) ? -DROP_KERNEL_REFUSED : 0;
}

/* Whether the tunnel can carry the frame now, and the path its flow takes. */
static __always_inline int choose_path(const struct weft_tunnel *tunnel, const struct frame *f, __u32 length,
                                       const struct weft_path **path)
{
    __u32 n = tunnel->count;
    if (!n || n > WEFT_FANOUT)
        return -DROP_NO_UNDERLAY_PATH;
    if (f->largest + WEFT_UNDERLAY_OCTETS > tunnel->mtu || length + WEFT_UNDERLAY_OCTETS > 0xffff)
        return -DROP_TOO_BIG;
    __u32 i = (f->flow >> 16) * n >> 16;
    *path = &tunnel->paths[i & (WEFT_FANOUT - 1)];
    return 0;
}

/* tunnels._outer_headers; `length` is that of the inner frame. */
static __always_inline void fill(struct wrapped *w, const struct weft_config *settings, const struct weft_tunnel *tunnel,
                                 const struct weft_path *path, __u32 key, const struct frame *f, __u32 length)
{
    struct outer *o = &w->outer;
    __builtin_memcpy(o->eth.dst, path->dst, 6);
    __builtin_memcpy(o->eth.src, path->src, 6);
    o->eth.type = bpf_htons(ETHERTYPE_IPV4);
    o->ip.version_words = 0x45;
    o->ip.tos = f->ecn;
    o->ip.total = bpf_htons(length + WEFT_UNDERLAY_OCTETS);
    o->ip.id = 0;
    o->ip.fragment = bpf_htons(0x4000);
    o->ip.ttl = tunnel->ttl;
    o->ip.protocol = 17;
    o->ip.sum = 0;
    o->ip.src = tunnel->local;
    o->ip.dst = tunnel->remote;
    o->ip.sum = ipv4_sum(&o->ip);
    o->udp.src = bpf_htons(49152 | (f->flow & 0x3fff));
    o->udp.dst = bpf_htons(settings->udp_port);
    o->udp.length = bpf_htons(length + 16);
    o->udp.sum = 0;
    o->vxlan.flags = bpf_htonl(0x08000000);
    o->vxlan.vni = bpf_htonl(key << 8);
    w->inner = f->eth;
}

/* pipeline._encapsulate */
static __always_inline int to_tunnel(struct __sk_buff *skb, const struct weft_config *settings,
                                     const struct weft_target *target, const struct frame *f)
{
    const struct weft_path *path;
    __u32 index = target->tunnel, length = skb->len;
    struct weft_tunnel *tunnel = bpf_map_lookup_elem(&tunnels, &index);
    if (!tunnel)
        return -DROP_NO_UNDERLAY_PATH;
    int result = choose_path(tunnel, f, length, &path);
    if (!result)
        result = make_room(skb, f->type);
    if (result)
        return result;
    struct wrapped *head = at(skb, 0, sizeof(*head));
    if (!head)
        return -DROP_KERNEL_REFUSED;
    struct wrapped built;
    fill(&built, settings, tunnel, path, target->key, f, length);
    *head = built;
    count(COUNT_ENCAPSULATED, 1);
    note_egress(skb, path->ifindex);
    return bpf_redirect(path->ifindex, 0);
}
