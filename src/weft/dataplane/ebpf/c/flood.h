/* Head-end replication: one copy to every member of the flood list that split horizon allows.
 *
 * The copy loop is a program of its own, reached by a tail call, so that the verifier walks its turns once and not
 * once for each way to reach it. Its state lies in the per-CPU map `scratch`: what is read back from a map is an
 * unknown number to the verifier, so every turn looks the same to it.
 *
 *   pending   interface of the copy that the packet now is; sent when the next one is made
 *   length    octets of the inner frame
 *   reason    drop reason if no copy can be sent
 *   frame     struct frame
 *   built     struct wrapped
 */
#pragma once
#include "output.h"

_Static_assert(sizeof(struct frame) == sizeof(((struct weft_copying *)0)->frame), "struct frame");
_Static_assert(sizeof(struct wrapped) == sizeof(((struct weft_copying *)0)->built), "struct wrapped");

static __always_inline void send_pending(struct __sk_buff *skb, struct weft_copying *c)
{
    if (c->pending && bpf_clone_redirect(skb, c->pending, 0))
        count(COUNT_FLOOD_COPIES_LOST, 1);
}

static __always_inline void copy_to_port(struct __sk_buff *skb, struct weft_copying *c, __u32 ifindex)
{
    if (ifindex == c->from_ifindex || !egress_vap(skb, ifindex, c->bridge))
        return;
    send_pending(skb, c);
    note_egress(skb, ifindex);
    c->pending = ifindex;
}

/* The packet has its room in front already; each copy only gets other headers. */
static __always_inline void copy_to_tunnel(struct __sk_buff *skb, const struct weft_config *settings,
                                           struct weft_copying *c, const struct weft_member *member)
{
    const struct weft_path *path;
    const struct frame *f = (const struct frame *)c->frame;
    struct wrapped *built = (struct wrapped *)c->built;
    __u32 index = member->tunnel;
    struct weft_tunnel *tunnel = bpf_map_lookup_elem(&tunnels, &index);
    int result = tunnel ? choose_path(tunnel, f, c->length, &path) : -DROP_NO_UNDERLAY_PATH;
    if (result) {
        c->reason = -result;
        return;
    }
    send_pending(skb, c);
    fill(built, settings, tunnel, path, member->key, f, c->length);
    if (bpf_skb_store_bytes(skb, 0, built, sizeof(*built), 0)) {
        c->pending = 0;
        return;
    }
    count(COUNT_ENCAPSULATED, 1);
    note_egress(skb, path->ifindex);
    c->pending = path->ifindex;
}

static __always_inline void begin_copying(struct __sk_buff *skb, struct weft_copying *c, __u32 bridge, __u32 group,
                                          __u32 from_ifindex, const struct frame *f)
{
    c->bridge = bridge;
    c->group = group;
    c->from_ifindex = from_ifindex;
    c->pending = 0;
    c->length = skb->len;
    c->reason = DROP_NO_DESTINATION;
    *(struct frame *)c->frame = *f;
}

/* Go on in weft_flood, which counts and returns; comes back only if the agent did not set it up. */
static __always_inline int flood(struct __sk_buff *skb, __u32 bridge, __u32 group, __u32 from_ifindex,
                                 const struct frame *f)
{
    __u32 zero = 0;
    struct weft_copying *c = bpf_map_lookup_elem(&scratch, &zero);
    if (!c)
        return -DROP_KERNEL_REFUSED;
    begin_copying(skb, c, bridge, group, from_ifindex, f);
    bpf_tail_call(skb, &programs, 0);
    return -DROP_KERNEL_REFUSED;
}

/* pipeline._flood. Ports come first in the list: their copies leave before the packet is wrapped, which happens
 * once. Two loops, because one body for both kinds of member costs the verifier their product. */
static __always_inline int copy_to_all(struct __sk_buff *skb, const struct weft_config *settings,
                                       struct weft_copying *c)
{
    __u32 bridge = c->bridge;
    struct weft_flood *list = bpf_map_lookup_elem(&floods, &bridge);
    if (!list)
        return -DROP_NO_DESTINATION;
    count(COUNT_FLOODED_FRAMES, 1);
    for (__u32 i = 0; i < WEFT_FLOOD_MEMBERS && i < list->ports; i++)
        copy_to_port(skb, c, list->members[i].ifindex);
    if (list->count > list->ports && c->group == WEFT_PORT_GROUP) {
        send_pending(skb, c);
        c->pending = 0;
        int result = make_room(skb, ((const struct frame *)c->frame)->type);
        if (result)
            return result;
        for (__u32 i = 0; i < WEFT_FLOOD_MEMBERS && i < list->count; i++)
            if (list->members[i].tunnel)
                copy_to_tunnel(skb, settings, c, &list->members[i]);
    }
    __u32 copies = skb->cb[2];
    count(COUNT_FLOOD_COPIES, copies);
    if (c->pending)
        return bpf_redirect(c->pending, 0);
    return copies ? ACT_SHOT : -(int)(c->reason & 31);
}
