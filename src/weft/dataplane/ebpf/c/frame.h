/* The tenant's frame: its checks, its flow hash, and what encapsulation must know about it. */
#pragma once
#include "bpf.h"
#include "weft_generated.h"

#define ETHERNET_OCTETS 14
#define IPV4_OCTETS 20
#define IPV6_OCTETS 40
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define GSO_BY_FRAGS 0xffff /* SCTP: segments are of different sizes */

struct ethernet {
    __u8 dst[6], src[6];
    __be16 type;
} __attribute__((packed));

struct ipv4 {
    __u8 version_words, tos;
    __be16 total;
    __be16 id, fragment;
    __u8 ttl, protocol;
    __sum16 sum;
    __be32 src, dst;
} __attribute__((packed));

struct ipv6 {
    __be32 version_class_flow;
    __be16 payload;
    __u8 next, hops;
    __be32 src[4], dst[4];
} __attribute__((packed));

/* What survives calls that move octets; pointers into the packet do not. */
struct frame {
    struct ethernet eth;
    __u16 type;     /* EtherType, host order */
    __u8 ecn;       /* of the IP header; 0 for other frames */
    __u32 flow;     /* flow hash */
    __u32 largest;  /* octets of the largest frame after segmentation */
};

static __always_inline void count(__u32 index, __u64 by)
{
    __u64 *value = bpf_map_lookup_elem(&counters, &index);
    if (value)
        *value += by;
}

/* Make the first `want` octets linear, as far as the packet has them. */
static __always_inline int pull(struct __sk_buff *skb, __u32 want)
{
    __u32 linear = skb->data_end - skb->data;
    if (linear >= want || linear >= skb->len)
        return 0;
    return bpf_skb_pull_data(skb, skb->len < want ? skb->len : want);
}

static __always_inline void *at(struct __sk_buff *skb, __u32 offset, __u32 octets)
{
    void *start = (void *)(long)skb->data + offset;
    return start + octets > (void *)(long)skb->data_end ? 0 : start;
}

static __always_inline int is_ip(__u16 type)
{
    return type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6;
}

/* pipeline.check_frame: `length` octets begin at `offset`. 0, or a drop reason below zero. */
static __always_inline int check_frame(struct __sk_buff *skb, __u32 offset, __u32 length, struct frame *f)
{
    struct ethernet *eth = at(skb, offset, sizeof(*eth));
    if (length < ETHERNET_OCTETS || !eth)
        return -DROP_RUNT_FRAME;
    f->eth = *eth;
    f->type = bpf_ntohs(eth->type);
    f->ecn = 0;
    if (f->type == ETHERTYPE_VLAN || f->type == ETHERTYPE_QINQ)
        return -DROP_TAGGED_FRAME;
    const __u8 *s = f->eth.src, *d = f->eth.dst;
    if (s[0] & 1 || !(s[0] | s[1] | s[2] | s[3] | s[4] | s[5]))
        return -DROP_BAD_SOURCE_MAC;
    if (d[0] == 0x01 && d[1] == 0x80 && d[2] == 0xc2 && !d[3] && !d[4] && !(d[5] & 0xf0))
        return -DROP_LINK_LOCAL_GROUP;
    __u8 *two = at(skb, offset + ETHERNET_OCTETS, 2);
    if (f->type == ETHERTYPE_IPV4) {
        if (length < ETHERNET_OCTETS + IPV4_OCTETS || !two)
            return -DROP_INNER_TRUNCATED;
        f->ecn = two[1] & 3;
    } else if (f->type == ETHERTYPE_IPV6) {
        if (length < ETHERNET_OCTETS + IPV6_OCTETS || !two)
            return -DROP_INNER_TRUNCATED;
        f->ecn = two[1] >> 4 & 3;
    }
    return 0;
}

static __always_inline int has_ports(__u8 protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 132;
}

static __always_inline __u32 hash4(__u32 h, const __be32 *word)
{
    for (int i = 0; i < 4; i++)
        h = weft_hash_word(h, bpf_ntohl(word[i]));
    return h;
}

/* flowhash.flow_words and hash_words; also the size of the largest segment. 0, or a drop reason. */
static __always_inline int measure(struct __sk_buff *skb, __u32 seed, struct frame *f)
{
    __u32 h = seed, l4 = ETHERNET_OCTETS;
    __u8 protocol = 0, ports = 0;
    __be32 port_word = 0;

    if (f->type == ETHERTYPE_IPV4) {
        struct ipv4 *ip = at(skb, ETHERNET_OCTETS, sizeof(*ip));
        if (!ip)
            return -DROP_INNER_TRUNCATED;
        h = weft_hash_word(h, bpf_ntohl(ip->src));
        h = weft_hash_word(h, bpf_ntohl(ip->dst));
        protocol = ip->protocol;
        ports = has_ports(protocol) && !(ip->fragment & bpf_htons(0x3fff));
        l4 += (ip->version_words & 0xf) * 4;
    } else if (f->type == ETHERTYPE_IPV6) {
        struct ipv6 *ip = at(skb, ETHERNET_OCTETS, sizeof(*ip));
        if (!ip)
            return -DROP_INNER_TRUNCATED;
        h = hash4(h, ip->src);
        h = hash4(h, ip->dst);
        protocol = ip->next;
        ports = has_ports(protocol);
        l4 += IPV6_OCTETS;
    } else {
        const __u8 *d = f->eth.dst, *s = f->eth.src;
        h = weft_hash_word(h, (__u32)d[0] << 24 | d[1] << 16 | d[2] << 8 | d[3]);
        h = weft_hash_word(h, (__u32)d[4] << 24 | d[5] << 16 | s[0] << 8 | s[1]);
        h = weft_hash_word(h, (__u32)s[2] << 24 | s[3] << 16 | s[4] << 8 | s[5]);
        f->flow = weft_hash_final(weft_hash_word(h, f->type));
        f->largest = skb->len;
        return 0;
    }
    if (ports && skb->len >= l4 + 4)
        bpf_skb_load_bytes(skb, l4, &port_word, 4);
    h = weft_hash_word(h, bpf_ntohl(port_word));
    f->flow = weft_hash_final(weft_hash_word(h, protocol));
    f->largest = skb->len;
    if (skb->gso_size == GSO_BY_FRAGS)
        return -DROP_GSO_REFUSED;
    if (skb->gso_size) {
        __u8 words = 0x20; /* a UDP header, in the upper half as TCP's data offset is */
        if (protocol == 6)
            bpf_skb_load_bytes(skb, l4 + 12, &words, 1);
        f->largest = l4 + (words >> 4) * 4 + skb->gso_size;
    }
    return 0;
}
