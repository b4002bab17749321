/* The BPF helper functions this program calls, by their number in the kernel's UAPI. None is GPL-only. */
#pragma once
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
/* The UAPI headers define it as plain `inline`; BPF functions with six arguments must be inlined. */
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))

#define bpf_htons(x) __builtin_bswap16(x)
#define bpf_ntohs(x) __builtin_bswap16(x)
#define bpf_htonl(x) __builtin_bswap32(x)
#define bpf_ntohl(x) __builtin_bswap32(x)

/* Older UAPI headers lack these flags of bpf_skb_adjust_room; kernels before 6.3 refuse the last one. */
#define ROOM_FIXED_GSO (1ULL << 0)
#define ROOM_ENCAP_L3_IPV4 (1ULL << 1)
#define ROOM_ENCAP_L4_UDP (1ULL << 4)
#define ROOM_NO_CSUM_RESET (1ULL << 5)
#define ROOM_ENCAP_L2_ETH (1ULL << 6)
#define ROOM_ENCAP_L2(octets) (((__u64)(octets) & 0xff) << 56)
#define ROOM_DECAP_L3_IPV6 (1ULL << 8)
#define ROOM_MAC 1

#define ACT_NEXT (-1)
#define ACT_SHOT 2

#define EALREADY 114

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static long (*bpf_skb_store_bytes)(struct __sk_buff *, __u32 at, const void *from, __u32 len, __u64 flags) = (void *)9;
static long (*bpf_l3_csum_replace)(struct __sk_buff *, __u32 at, __u64 from, __u64 to, __u64 size) = (void *)10;
static long (*bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
static long (*bpf_clone_redirect)(struct __sk_buff *, __u32 ifindex, __u64 flags) = (void *)13;
static long (*bpf_redirect)(__u32 ifindex, __u64 flags) = (void *)23;
static long (*bpf_skb_load_bytes)(const void *skb, __u32 at, void *to, __u32 len) = (void *)26;
static long (*bpf_skb_change_tail)(struct __sk_buff *, __u32 len, __u64 flags) = (void *)38;
static long (*bpf_skb_pull_data)(struct __sk_buff *, __u32 len) = (void *)39;
static long (*bpf_skb_change_head)(struct __sk_buff *, __u32 len, __u64 flags) = (void *)43;
static long (*bpf_skb_adjust_room)(struct __sk_buff *, __s32 by, __u32 mode, __u64 flags) = (void *)50;
static void *(*bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *record, __u64 flags) = (void *)132;
static long (*bpf_redirect_peer)(__u32 ifindex, __u64 flags) = (void *)155;
static __u64 (*bpf_ktime_get_coarse_ns)(void) = (void *)160;
