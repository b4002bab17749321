/* The data path of a VTEP: what forwarding/pipeline.py specifies, in the kernel.
 *
 *   weft_from_port      tc ingress of every attachment point: learn, then switch, encapsulate or flood
 *   weft_from_underlay  tc ingress of every underlay interface: open expected tunnel packets, then deliver
 *   weft_flood          tail call of both: copies to every member of the flood list
 *   weft_not_underlay   tc ingress of the idle receive-aggregation device: nothing may arrive there
 *   weft_age            run by the agent: remove idle addresses, reported in order with what is learned
 *
 * Functions return a tc action, or a drop reason below zero, which finish() counts once.
 */
#include "decap.h"
#include "flood.h"
#include "learn.h"

#define PASS 100

static __always_inline int finish(struct __sk_buff *skb, int result)
{
    if (result < 0) {
        skb->cb[0] = -result;
        count(-result, 1);
        return ACT_SHOT;
    }
    return result == PASS ? ACT_NEXT : result;
}

static __always_inline const struct weft_config *begin(struct __sk_buff *skb)
{
    __u32 zero = 0;
    skb->cb[0] = 0;
    skb->cb[1] = 0;
    skb->cb[2] = 0;
    return bpf_map_lookup_elem(&config, &zero);
}

/* pipeline._forward: written rows before learned ones. `where` is an interface or a next hop. What an earlier
 * agent's programs learned from tunnels does not count: its next-hop numbers mean something else now. */
static __always_inline int find(const struct weft_config *settings, __u32 bridge, const __u8 *mac, __u32 *kind,
                                __u32 *where)
{
    struct weft_mac_key key = {.bridge = bridge};
    __builtin_memcpy(key.mac, mac, 6);
    struct weft_mac_value *written = bpf_map_lookup_elem(&macs, &key);
    if (written) {
        *kind = settings->tunnel_kind;
        *where = written->nexthop;
        return 1;
    }
    struct weft_learned *known = bpf_map_lookup_elem(&learned, &key);
    if (!known || (known->kind != WEFT_KIND_PORT && known->kind != settings->tunnel_kind))
        return 0;
    *kind = known->kind;
    *where = known->where;
    return 1;
}

static __always_inline int from_port(struct __sk_buff *skb, const struct weft_config *settings, struct weft_vap *vap)
{
    struct frame f;
    __u32 kind, where, bridge = vap->bridge, ifindex = skb->ifindex;

    count_rx(skb, vap);
    if (pull(skb, ETHERNET_OCTETS + IPV6_OCTETS))
        return -DROP_RUNT_FRAME;
    int result = skb->vlan_present ? -DROP_TAGGED_FRAME : check_frame(skb, 0, skb->len, &f);
    if (result)
        return result;
    if (vap->bridge_flags & WEFT_BRIDGE_LEARN)
        learn(bridge, f.eth.src, WEFT_KIND_PORT, ifindex);
    if (f.eth.dst[0] & 1 || !find(settings, bridge, f.eth.dst, &kind, &where)) {
        result = measure(skb, settings->seed, &f);
        return result ? result : flood(skb, bridge, WEFT_PORT_GROUP, ifindex, &f);
    }
    if (kind == WEFT_KIND_PORT) {
        if (where == ifindex)
            return -DROP_SAME_PORT;
        count(COUNT_SWITCHED_LOCALLY, 1);
        return to_port(skb, where, bridge, f.type);
    }
    struct weft_nexthop *nexthop = bpf_map_lookup_elem(&nexthops, &where);
    if (!nexthop || !nexthop->count || nexthop->count > WEFT_FANOUT)
        return -DROP_NO_UNDERLAY_PATH;
    result = measure(skb, settings->seed, &f);
    if (result)
        return result;
    __u32 i = (f.flow >> 8 & 0xffff) * nexthop->count >> 16;
    return to_tunnel(skb, settings, &nexthop->targets[i & (WEFT_FANOUT - 1)], &f);
}

static __always_inline int from_underlay(struct __sk_buff *skb, const struct weft_config *settings)
{
    struct frame f;
    struct opened o = {};
    __u32 kind, where;

    if (pull(skb, WEFT_OUTER_OCTETS + ETHERNET_OCTETS + IPV6_OCTETS))
        return PASS;
    int result = open_packet(skb, settings, &o);
    if (result)
        return result == NOT_OURS ? PASS : result;
    result = check_frame(skb, WEFT_OUTER_OCTETS, o.length, &f);
    if (result)
        return result;
    int ecn = o.outer_ecn && is_ip(f.type) ? combined_ecn(f.ecn, o.outer_ecn) : f.ecn;
    if (ecn < 0)
        return ecn;
    result = strip(skb, &o, &f);
    if (!result && ecn != f.ecn)
        result = write_ecn(skb, f.type, ecn);
    if (result)
        return result;
    count(COUNT_DECAPSULATED, 1);
    if (o.nexthop && o.bridge_flags & WEFT_BRIDGE_LEARN)
        learn(o.bridge, f.eth.src, settings->tunnel_kind, o.nexthop);
    if (f.eth.dst[0] & 1 || !find(settings, o.bridge, f.eth.dst, &kind, &where)) {
        f.flow = 0;
        f.largest = skb->len;
        return flood(skb, o.bridge, o.group, 0, &f);
    }
    if (kind != WEFT_KIND_PORT)
        return -DROP_SPLIT_HORIZON;
    return to_port(skb, where, o.bridge, f.type);
}

SEC("tc")
int weft_age(struct __sk_buff *skb)
{
    for (__u32 i = 0; i < WEFT_AGE_BATCH; i++) {
        struct weft_age item;
        if (bpf_skb_load_bytes(skb, i * sizeof(item), &item, sizeof(item)))
            break;
        age(&item);
    }
    return 0;
}

SEC("tc")
int weft_flood(struct __sk_buff *skb)
{
    __u32 zero = 0;
    const struct weft_config *settings = bpf_map_lookup_elem(&config, &zero);
    struct weft_copying *c = bpf_map_lookup_elem(&scratch, &zero);
    return settings && c ? finish(skb, copy_to_all(skb, settings, c)) : ACT_SHOT;
}

SEC("tc")
int weft_not_underlay(struct __sk_buff *skb)
{
    begin(skb);
    return finish(skb, -DROP_NOT_UNDERLAY);
}

SEC("tc")
int weft_from_underlay(struct __sk_buff *skb)
{
    const struct weft_config *settings = begin(skb);
    return settings ? finish(skb, from_underlay(skb, settings)) : ACT_NEXT;
}

SEC("tc")
int weft_from_port(struct __sk_buff *skb)
{
    const struct weft_config *settings = begin(skb);
    __u32 ifindex = skb->ifindex;
    struct weft_vap *vap = bpf_map_lookup_elem(&vaps, &ifindex);
    return settings && vap ? finish(skb, from_port(skb, settings, vap)) : ACT_NEXT;
}

char weft_license[] SEC("license") = "Apache-2.0";
