//! Which addresses are not the public internet.
//!
//! A name that a plugin may reach can resolve to any address at all, so the host checks the address before it dials. The
//! table follows the IANA special-purpose address registries (RFC 6890 and its updates; read 2026-11), the IPv4 multicast
//! and IPv6 address-space registries, and the addresses at which cloud providers answer with credentials. Blocks that
//! IANA calls globally reachable, such as AS112, are left out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What kind of special address this is, or `None` for one that the public internet routes.
///
/// IPv4 addresses inside IPv6 ones are looked at too: a mapped (RFC 4291) or NAT64 (RFC 6052) address is as special as the
/// IPv4 address that it leads to. The obsolete forms that carry one (IPv4-compatible, 6to4, Teredo) are always special.
#[must_use]
pub fn special_kind(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let number = address.to_bits();
    V4.iter()
        .find(|(network, length, _)| same_prefix(number.into(), network.to_bits().into(), *length, 32))
        .map(|(_, _, kind)| *kind)
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if let Some(embedded) = address.to_ipv4_mapped() {
        return special_v4(embedded);
    }
    let number = address.to_bits();
    let (_, _, kind, inside) =
        V6.iter().find(|(network, length, _, _)| same_prefix(number, network.to_bits(), *length, 128))?;
    let embedded = match inside {
        Inside::Nothing => None,
        Inside::LowBits => special_v4(Ipv4Addr::from_bits(low_32(number))),
        Inside::Bits16To48 => special_v4(Ipv4Addr::from_bits(low_32(number >> 80))),
        // RFC 4380, section 4: the client's address is stored inverted.
        Inside::InvertedLowBits => special_v4(Ipv4Addr::from_bits(!low_32(number))),
    };
    // An empty kind marks a block that is as public as what it carries.
    embedded.or(Some(*kind)).filter(|kind| !kind.is_empty()).or_else(|| special_isatap(number))
}

/// An ISATAP address (RFC 5214, section 6.1) has an ordinary prefix and the IPv4 address in its interface identifier.
fn special_isatap(number: u128) -> Option<&'static str> {
    let identifier = low_32(number >> 32) & !0x0200_0000;
    (identifier == 0x5efe).then(|| special_v4(Ipv4Addr::from_bits(low_32(number))))?
}

/// The lowest 32 bits.
fn low_32(number: u128) -> u32 {
    let [.., a, b, c, d] = number.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Whether two addresses of `width` bits agree in their first `length` bits.
fn same_prefix(a: u128, b: u128, length: u32, width: u32) -> bool {
    (a ^ b).checked_shr(width - length).unwrap_or(0) == 0
}

pub(super) const METADATA: &str = "cloud metadata";
pub(super) const LOOPBACK: &str = "loopback";
const PRIVATE: &str = "private";
const LINK_LOCAL: &str = "link-local";
const DOCUMENTATION: &str = "documentation";
const BENCHMARKING: &str = "benchmarking";
const MULTICAST: &str = "multicast";
const UNSPECIFIED: &str = "unspecified";
const PROTOCOL: &str = "protocol assignment";
const RESERVED: &str = "reserved";

/// The first entry that matches decides, so single addresses stand before the blocks that hold them.
const V4: &[(Ipv4Addr, u32, &str)] = &[
    (Ipv4Addr::new(169, 254, 169, 254), 32, METADATA), // AWS, Azure, Google Cloud and others
    (Ipv4Addr::new(169, 254, 170, 2), 32, METADATA),   // AWS ECS task credentials
    (Ipv4Addr::new(169, 254, 170, 23), 32, METADATA),  // AWS EKS pod identity
    (Ipv4Addr::new(100, 100, 100, 200), 32, METADATA), // Alibaba Cloud
    (Ipv4Addr::new(168, 63, 129, 16), 32, METADATA),   // Azure WireServer, although in public space
    (Ipv4Addr::new(192, 0, 0, 192), 32, METADATA),     // Oracle Cloud, classic
    (Ipv4Addr::UNSPECIFIED, 32, UNSPECIFIED),          // RFC 1122: Linux connects it to loopback
    (Ipv4Addr::UNSPECIFIED, 8, "this network"),        // RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8, PRIVATE),          // RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10, "shared"),      // RFC 6598: carrier-grade NAT, and many VPNs
    (Ipv4Addr::new(127, 0, 0, 0), 8, LOOPBACK),        // RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16, LINK_LOCAL),   // RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12, PRIVATE),       // RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24, PROTOCOL),       // RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24, DOCUMENTATION),  // RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24, "6to4 relay"), // RFC 7526, deprecated
    (Ipv4Addr::new(192, 168, 0, 0), 16, PRIVATE),      // RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15, BENCHMARKING),  // RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24, DOCUMENTATION), // RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24, DOCUMENTATION), // RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4, MULTICAST),       // RFC 5771
    (Ipv4Addr::BROADCAST, 32, "broadcast"),            // RFC 919
    (Ipv4Addr::new(240, 0, 0, 0), 4, RESERVED),        // RFC 1112
];

/// Where an IPv6 block carries an IPv4 address.
enum Inside {
    Nothing,
    LowBits,
    Bits16To48,
    InvertedLowBits,
}

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

const V6: &[(Ipv6Addr, u32, &str, Inside)] = &[
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), 128, METADATA, Inside::Nothing), // AWS
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254), 128, METADATA, Inside::Nothing),  // Google Cloud
    (Ipv6Addr::UNSPECIFIED, 128, UNSPECIFIED, Inside::Nothing),                           // RFC 4291
    (Ipv6Addr::LOCALHOST, 128, LOOPBACK, Inside::Nothing),                                // RFC 4291
    (Ipv6Addr::UNSPECIFIED, 96, "IPv4-compatible", Inside::LowBits),                      // RFC 4291, deprecated
    (v6(0x64, 0xff9b, 0, 0), 96, "", Inside::LowBits), // RFC 6052, NAT64: public where the IPv4 address is
    (v6(0x64, 0xff9b, 1, 0), 48, "local NAT64", Inside::LowBits), // RFC 8215
    (v6(0x100, 0, 0, 0), 64, "discard-only", Inside::Nothing), // RFC 6666
    (v6(0x2001, 0, 0, 0), 32, "Teredo", Inside::InvertedLowBits), // RFC 4380
    (v6(0x2001, 2, 0, 0), 48, BENCHMARKING, Inside::Nothing), // RFC 5180
    (v6(0x2001, 0, 0, 0), 23, PROTOCOL, Inside::Nothing), // RFC 2928, with ORCHID and drone identifiers
    (v6(0x2001, 0xdb8, 0, 0), 32, DOCUMENTATION, Inside::Nothing), // RFC 3849
    (v6(0x2002, 0, 0, 0), 16, "6to4", Inside::Bits16To48), // RFC 3056
    (v6(0x3fff, 0, 0, 0), 20, DOCUMENTATION, Inside::Nothing), // RFC 9637
    (v6(0x2000, 0, 0, 0), 3, "", Inside::Nothing),     // RFC 4291: the rest of this block is the public internet
    (v6(0x5f00, 0, 0, 0), 16, "segment routing", Inside::Nothing), // RFC 9602
    (v6(0xfc00, 0, 0, 0), 7, PRIVATE, Inside::Nothing), // RFC 4193, unique local
    (v6(0xfe80, 0, 0, 0), 10, LINK_LOCAL, Inside::Nothing), // RFC 4291
    (v6(0xfec0, 0, 0, 0), 10, "site-local", Inside::Nothing), // RFC 3879, deprecated
    (v6(0xff00, 0, 0, 0), 8, MULTICAST, Inside::Nothing), // RFC 4291
    (v6(0, 0, 0, 0), 0, RESERVED, Inside::Nothing),    // all that IANA has not given out
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(address: &str, kind: Option<&str>) {
        let parsed: IpAddr = address.parse().expect("the test writes an address");
        assert_eq!(special_kind(parsed), kind, "{address}");
    }

    #[test]
    fn every_special_range_is_known() {
        let special = [
            ("0.0.0.0", UNSPECIFIED),
            ("0.1.2.3", "this network"),
            ("10.0.0.0", PRIVATE),
            ("10.255.255.255", PRIVATE),
            ("100.64.0.1", "shared"),
            ("100.127.255.255", "shared"),
            ("100.100.100.200", METADATA),
            ("127.0.0.1", LOOPBACK),
            ("127.255.255.255", LOOPBACK),
            ("168.63.129.16", METADATA),
            ("169.254.0.1", LINK_LOCAL),
            ("169.254.169.254", METADATA),
            ("169.254.170.2", METADATA),
            ("172.16.0.1", PRIVATE),
            ("172.31.255.255", PRIVATE),
            ("192.0.0.8", PROTOCOL),
            ("192.0.2.1", DOCUMENTATION),
            ("192.88.99.1", "6to4 relay"),
            ("192.168.1.1", PRIVATE),
            ("198.18.0.1", BENCHMARKING),
            ("198.19.255.255", BENCHMARKING),
            ("198.51.100.7", DOCUMENTATION),
            ("203.0.113.7", DOCUMENTATION),
            ("224.0.0.251", MULTICAST),
            ("239.255.255.250", MULTICAST),
            ("240.0.0.1", RESERVED),
            ("255.255.255.255", "broadcast"),
            ("::", UNSPECIFIED),
            ("::1", LOOPBACK),
            ("::2", "this network"),
            ("::127.0.0.1", LOOPBACK),
            ("::8.8.8.8", "IPv4-compatible"),
            ("::ffff:127.0.0.1", LOOPBACK),
            ("::ffff:10.0.0.1", PRIVATE),
            ("::ffff:169.254.169.254", METADATA),
            ("64:ff9b::127.0.0.1", LOOPBACK),
            ("64:ff9b::a9fe:a9fe", METADATA),
            ("64:ff9b:1::10.0.0.1", PRIVATE),
            ("64:ff9b:1::808:808", "local NAT64"),
            ("100::1", "discard-only"),
            ("100:0:0:1::1", RESERVED),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", LOOPBACK),
            ("2001::1", "reserved"),
            ("2001:2::1", BENCHMARKING),
            ("2001:10::1", PROTOCOL),
            ("2001:20::1", PROTOCOL),
            ("2001:db8::1", DOCUMENTATION),
            ("2002:7f00:1::1", LOOPBACK),
            ("2002:c0a8:101::1", PRIVATE),
            ("2002:808:808::1", "6to4"),
            ("3fff::1", DOCUMENTATION),
            ("4000::1", RESERVED),
            ("5f00::1", "segment routing"),
            ("fc00::1", PRIVATE),
            ("fd00:ec2::254", METADATA),
            ("fd20:ce::254", METADATA),
            ("fd12:3456::1", PRIVATE),
            ("fe80::1", LINK_LOCAL),
            ("febf::1", LINK_LOCAL),
            ("fec0::1", "site-local"),
            ("ff02::1", MULTICAST),
            ("2606:4700::5efe:10.0.0.1", PRIVATE),
            ("2606:4700::200:5efe:127.0.0.1", LOOPBACK),
        ];
        for (address, kind) in special {
            check(address, Some(kind));
        }
    }

    /// The ranges of the IANA special-purpose registries that no plugin reaches by a name, and those that carry an IPv4
    /// address to one of them: the first and the last address of each, and as many between as make a million in all.
    #[test]
    fn no_address_of_a_special_range_is_public() {
        let ranges = [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
            "::/96",
            "::ffff:10.0.0.0/104",
            "64:ff9b::10.0.0.0/104",
            "64:ff9b:1::/48",
            "100::/64",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
            "5f00::/16",
            "fc00::/7",
            "fe80::/10",
            "fec0::/10",
            "ff00::/8",
        ];
        let each = 1_000_000 / ranges.len() as u128 + 1;
        let (mut refused, mut cases, mut mixed) = (0, 0, 1_u128);
        for range in ranges {
            let (first, length) = range.split_once('/').expect("a length");
            let (first, length): (IpAddr, u32) =
                (first.parse().expect("an address"), length.parse().expect("a number"));
            let (bits, width) = match first {
                IpAddr::V4(first) => (first.to_bits().into(), 32),
                IpAddr::V6(first) => (first.to_bits(), 128),
            };
            let last = 1_u128.checked_shl(width - length).map_or(u128::MAX, |size| size - 1);
            let public = (0..each).find(|case| {
                mixed = mixed.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(0x1234_5678_9abc_def1).rotate_left(31);
                let inside = match case {
                    0 => 0,
                    1 => last,
                    _ => mixed & last,
                };
                let address = match first {
                    IpAddr::V4(_) => Ipv4Addr::from_bits(low_32(bits | inside)).into(),
                    IpAddr::V6(_) => Ipv6Addr::from_bits(bits | inside).into(),
                };
                cases += 1;
                special_kind(address).is_none()
            });
            assert_eq!(public, None, "{range}");
            refused += 1;
        }
        println!("{refused} of {} special ranges refused, {cases} addresses", ranges.len());
    }

    #[test]
    fn neighbours_of_special_ranges_are_public() {
        for address in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "8.8.8.8",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2000::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2003::1",
            "2606:4700::1111",
            "2606:4700::5efe:8.8.8.8",
            "2606:4700::5eff:10.0.0.1",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            check(address, None);
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_as_special_as_what_it_maps(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            prop_assert_eq!(special_kind(v4.to_ipv6_mapped().into()), special_kind(v4.into()));
        }

        #[test]
        fn a_nat64_address_is_as_special_as_what_it_leads_to(bits: u32) {
            let nat64 = Ipv6Addr::from_bits(v6(0x64, 0xff9b, 0, 0).to_bits() | u128::from(bits));
            prop_assert_eq!(special_kind(nat64.into()), special_kind(Ipv4Addr::from_bits(bits).into()));
        }

        #[test]
        fn outside_2000_3_only_nat64_and_mapped_can_be_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let public = special_kind(address.into()).is_none();
            prop_assert!(!public || bits >> 125 == 1 || address.to_ipv4_mapped().is_some() || bits >> 32 == 0x64_ff9b << 64);
        }

        #[test]
        fn std_agrees_on_what_it_knows(bits: u32) {
            let v4 = Ipv4Addr::from_bits(bits);
            let known = v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_broadcast()
                || v4.is_documentation() || v4.is_unspecified() || v4.is_multicast();
            prop_assert!(!known || special_kind(v4.into()).is_some());
        }
    }
}
