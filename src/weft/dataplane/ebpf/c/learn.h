/* The table of learned addresses, and its reports to the agent. */
#pragma once
#include "frame.h"

/* 0 if the ring is full: the agent then re-reads the table. */
static __always_inline int report(__u32 kind, const struct weft_mac_key *key, __u32 place_kind, __u32 where)
{
    struct weft_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
    if (!event) {
        count(COUNT_EVENTS_LOST, 1);
        return 0;
    }
    event->kind = kind;
    event->bridge = key->bridge;
    __builtin_memcpy(event->mac, key->mac, 6);
    event->place_kind = place_kind != WEFT_KIND_PORT;
    event->where = where;
    event->zero = 0;
    bpf_ringbuf_submit(event, 0);
    return 1;
}

/* pipeline._learn */
static __always_inline void learn(__u32 bridge, const __u8 *mac, __u32 kind, __u32 where)
{
    struct weft_mac_key key = {.bridge = bridge};
    __builtin_memcpy(key.mac, mac, 6);
    __u64 now = bpf_ktime_get_coarse_ns();
    struct weft_learned *known = bpf_map_lookup_elem(&learned, &key);
    if (known && known->where == where && known->kind == kind) {
        if (now - known->last_seen_ns > WEFT_LAST_SEEN_GRAIN_NS)
            known->last_seen_ns = now;
        return;
    }
    struct weft_mac_value *written = bpf_map_lookup_elem(&macs, &key);
    if (written && written->flags & WEFT_MAC_PINNED)
        return;
    struct weft_learned fresh = {.last_seen_ns = now, .where = where, .kind = kind};
    if (bpf_map_update_elem(&learned, &key, &fresh, 0)) {
        count(COUNT_LEARNED_TABLE_FULL, 1);
        return;
    }
    count(COUNT_ADDRESSES_LEARNED, 1);
    report(WEFT_EVENT_LEARNED, &key, kind, where);
}

/* Remove one address unless it was seen since; keep it for the next sweep if that cannot be reported. */
static __always_inline void age(const struct weft_age *item)
{
    struct weft_mac_key key = {.bridge = item->bridge};
    __builtin_memcpy(key.mac, item->mac, 6);
    struct weft_learned *known = bpf_map_lookup_elem(&learned, &key);
    if (!known || known->last_seen_ns > item->seen_before_ns)
        return;
    if (!report(WEFT_EVENT_AGED, &key, known->kind, known->where))
        return;
    bpf_map_delete_elem(&learned, &key);
    count(COUNT_ADDRESSES_AGED, 1);
}
