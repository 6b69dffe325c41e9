//! Properties that hold for all rules, grants and policies. The hosts are few, so that rules meet often.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use proptest::{collection::btree_set, option, prelude::*, sample::select};

use super::{
    Access, CacheCaps, CacheRoom, CacheUse, Capabilities, DatabaseName, Digest, Entry, EnvName, Evidence, Folders,
    Grant, Limits, NetworkRule, PartialLimits, PluginName, PluginPolicy, Policy, UserPolicy, address::special_kind,
    review, server_of,
};
use crate::receipt::Server;

const HOSTS: [&str; 12] = [
    "x.test",
    "a.x.test",
    "b.a.x.test",
    "evilx.test",
    "y.example",
    "localhost",
    "127.0.0.1",
    "10.0.0.5",
    "169.254.169.254",
    "8.8.8.8",
    "[::1]",
    "[2606:4700::1111]",
];
const PATTERNS: [&str; 4] = ["*", "*.x.test", "*.a.x.test", "*.y.example"];
const ADDRESSES: [&str; 6] = ["8.8.8.8", "127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "64:ff9b::10.0.0.5"];

fn scheme_and_port() -> impl Strategy<Value = (&'static str, &'static str)> {
    (select(&["http", "https"][..]), select(&["", ":8080"][..]))
}

fn rule() -> impl Strategy<Value = NetworkRule> {
    let host = select([&HOSTS[..], &PATTERNS[..], &PATTERNS[..]].concat());
    (scheme_and_port(), host).prop_map(|((scheme, port), host)| {
        format!("{scheme}://{host}{port}").parse().expect("hosts and patterns make rules")
    })
}

fn server() -> impl Strategy<Value = Server> {
    (scheme_and_port(), select(&HOSTS[..])).prop_map(|((scheme, port), host)| {
        server_of(&format!("{scheme}://{host}{port}").parse().expect("hosts make URLs")).expect("hosts make servers")
    })
}

fn address() -> impl Strategy<Value = IpAddr> {
    select(&ADDRESSES[..]).prop_map(|address| address.parse().expect("these are addresses"))
}

fn rules() -> impl Strategy<Value = BTreeSet<NetworkRule>> {
    btree_set(rule(), 0..5)
}

fn env() -> impl Strategy<Value = BTreeSet<EnvName>> {
    btree_set(select(&["A", "B", "C"][..]).prop_map(|name| name.parse().expect("these are names")), 0..3)
}

fn limits() -> impl Strategy<Value = PartialLimits> {
    (option::of(1..1024_u64), option::of(1..100_u64), option::of(1..1000_u32)).prop_map(
        |(memory, deadline, concurrency)| PartialLimits {
            memory: memory.map(|mib| mib << 20),
            deadline: deadline.map(Duration::from_secs),
            concurrency,
        },
    )
}

fn capabilities() -> impl Strategy<Value = Capabilities> {
    (rules(), env(), option::of(room()), databases(), files(), limits()).prop_map(
        |(network, env, cache, postgres, files, limits)| Capabilities { network, env, cache, postgres, files, limits },
    )
}

fn room() -> impl Strategy<Value = CacheRoom> {
    (1..64_u64, 1..100_u64)
        .prop_map(|(mib, seconds)| CacheRoom { max: mib << 20, ttl_max: Duration::from_secs(seconds) })
}

fn databases() -> impl Strategy<Value = BTreeSet<DatabaseName>> {
    btree_set(select(&["a", "b", "c"][..]).prop_map(|name| name.parse().expect("these are names")), 0..3)
}

fn files() -> impl Strategy<Value = Folders> {
    let path = select(&["data", "data/in", "/srv"][..]).prop_map(|path| path.parse().expect("these are paths"));
    let folder = (path, select(&[Access::Read, Access::ReadWrite][..]));
    btree_set(folder, 0..3).prop_map(Folders::from_iter)
}

fn files_within(files: &Folders, bound: &Folders) -> bool {
    files.beyond(bound).is_empty()
}

fn cache_within(cache: Option<CacheRoom>, bound: Option<CacheRoom>) -> bool {
    cache.is_none_or(|room| bound.is_some_and(|bound| room.is_within(&bound)))
}

fn cache_use() -> impl Strategy<Value = CacheUse> {
    select(&[CacheUse::Off, CacheUse::ByUser, CacheUse::Shared][..])
}

fn policy() -> impl Strategy<Value = Policy> {
    let own = (option::of(rules()), option::of(env()), cache_use(), option::of(databases()), option::of(files()))
        .prop_map(|(network, env, cache, postgres, files)| PluginPolicy {
            network,
            env,
            cache,
            postgres,
            files,
            ..PluginPolicy::default()
        });
    let cache = option::of(room())
        .prop_map(|room| CacheCaps { max: room.map(|room| room.max), ttl_max: room.map(|room| room.ttl_max) });
    (limits(), option::of(rules()), rules(), cache, own).prop_map(|(caps, allow, deny, cache, own)| Policy {
        caps,
        allow,
        deny,
        cache,
        plugins: [(plugin(), own)].into(),
        ..Policy::default()
    })
}

fn plugin() -> PluginName {
    "p".parse().expect("this is a name")
}

const PLUGINS: [&str; 3] = ["p", "q", "r"];
const TOOLS: [&str; 3] = ["s", "t", "u"];

fn user_policy() -> impl Strategy<Value = UserPolicy> {
    let plugins =
        btree_set(select(&PLUGINS[..]).prop_map(|name| name.parse::<PluginName>().expect("these are names")), 0..3);
    let tools = btree_set(select(&TOOLS[..]).prop_map(str::to_owned), 0..3);
    (option::of(plugins), option::of(tools)).prop_map(|(plugins, tools)| UserPolicy {
        plugins,
        tools,
        ..UserPolicy::default()
    })
}

/// What a grant says about one request, as far as can be asked.
fn may(grant: &Grant, server: &Server, address: IpAddr) -> (bool, bool) {
    (grant.may_reach(server).is_ok(), grant.may_dial(server, address).is_ok())
}

fn within(limits: &Limits, bound: &Limits) -> bool {
    limits.memory <= bound.memory && limits.deadline <= bound.deadline && limits.concurrency <= bound.concurrency
}

fn decide(asked: &Capabilities, entry: &Entry, policy: &Policy) -> Option<Grant> {
    let evidence =
        Evidence { asked, entry: Some(entry), lock_counts: true, component: entry.component, built_here: false };
    review(&evidence).ok()?.grant(&plugin(), entry.tools, policy).ok()
}

fn entry(asked: &Capabilities, granted: Capabilities) -> Entry {
    Entry::new(asked, granted, Digest::of(b"tools"), Digest::of(b"component"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_rule_reads_back(rule in rule()) {
        prop_assert_eq!(rule.to_string().parse(), Ok(rule));
    }

    #[test]
    fn parsing_never_panics_and_what_parses_is_canonical(text in "(http|HTTPS)://[*.a-z0-9:@/\\[\\]%\u{ff0e} -]{0,20}") {
        if let Ok(rule) = text.parse::<NetworkRule>() {
            prop_assert_eq!(rule.to_string().parse(), Ok(rule));
        }
    }

    #[test]
    fn what_covers_allows_all_that_the_other_allows(a in rule(), b in rule(), server in server(), address in address()) {
        if a.covers(&b) {
            prop_assert!(a.asks_for(&b));
            prop_assert!(a.allows(&server) || !b.allows(&server));
            prop_assert!(a.matches(&server) || !b.matches(&server));
            // Naming matters only where an address is refused without it.
            let is_special = special_kind(address).is_some();
            prop_assert!(!is_special || a.names(&server, address) || !b.names(&server, address));
        }
    }

    #[test]
    fn covering_is_an_order(a in rule(), b in rule(), c in rule()) {
        prop_assert!(a.covers(&a));
        prop_assert!(!(a.covers(&b) && b.covers(&a)) || a == b);
        prop_assert!(!(a.covers(&b) && b.covers(&c)) || a.covers(&c));
    }

    #[test]
    fn an_intersection_allows_what_both_allow(a in rule(), b in rule(), server in server()) {
        let both = a.intersection(&b).is_some_and(|rule| rule.allows(&server));
        prop_assert_eq!(both, a.allows(&server) && b.allows(&server));
    }

    #[test]
    fn removing_a_rule_never_widens(
        granted in capabilities(), index: prop::sample::Index, server in server(), address in address(),
    ) {
        let all = Grant::everything(&granted);
        let mut fewer = granted.clone();
        if let Some(rule) = granted.network.iter().nth(index.index(granted.network.len().max(1))) {
            fewer.network.remove(rule);
        }
        let (reach, dial) = may(&Grant::everything(&fewer), &server, address);
        let (could_reach, could_dial) = may(&all, &server, address);
        prop_assert!((could_reach || !reach) && (could_dial || !dial));
    }

    #[test]
    fn a_policy_only_narrows(
        granted in capabilities(), policy in policy(), server in server(), address in address(),
    ) {
        let before = Grant::everything(&granted);
        let after = policy.narrow(&plugin(), before.clone()).expect("the policy does not turn the plugin off");
        let ((reached, dialled), (reaches, dials)) = (may(&before, &server, address), may(&after, &server, address));
        prop_assert!((reached || !reaches) && (dialled || !dials));
        prop_assert!(after.env().is_subset(before.env()));
        prop_assert!(after.postgres().is_subset(before.postgres()));
        prop_assert!(files_within(after.files(), before.files()));
        prop_assert!(cache_within(after.cache(), before.cache()));
        prop_assert!(within(after.limits(), before.limits()));
    }

    #[test]
    fn nothing_is_granted_that_was_not_both_asked_and_reviewed(
        before in capabilities(), after in capabilities(), policy in policy(), server in server(), address in address(),
    ) {
        let granted = before.granted_by_default();
        let entry = entry(&before, granted.clone());
        if let Some(grant) = decide(&after, &entry, &policy) {
            let (reaches, dials) = may(&grant, &server, address);
            let by_lock = may(&Grant::everything(&granted), &server, address);
            prop_assert!((by_lock.0 || !reaches) && (by_lock.1 || !dials));
            prop_assert!(!reaches || after.network.iter().any(|rule| rule.matches(&server)));
            prop_assert!(grant.env().is_subset(&granted.env) && grant.env().is_subset(&after.env));
            prop_assert!(grant.postgres().is_subset(&granted.postgres) && grant.postgres().is_subset(&after.postgres));
            prop_assert!(files_within(grant.files(), &granted.files) && files_within(grant.files(), &after.files));
            prop_assert!(cache_within(grant.cache(), granted.cache) && cache_within(grant.cache(), after.cache));
            // By default a plugin is granted exactly the limits above the defaults.
            prop_assert!(within(grant.limits(), &Limits::default().with(&granted.limits)));
        }
    }

    #[test]
    fn a_plugin_that_did_not_change_stays_served(
        asked in capabilities(), named in option::of(rules()), env in option::of(env()),
        postgres in option::of(databases()),
    ) {
        if let Ok(granted) = asked.granted_by_naming(named, env, postgres, None) {
            let grant = decide(&asked, &entry(&asked, granted.clone()), &Policy::default());
            let grant = grant.expect("what was reviewed is what is asked");
            prop_assert_eq!(grant.network(), &granted.network);
            prop_assert_eq!(grant.env(), &granted.env);
            prop_assert_eq!((grant.cache(), grant.postgres()), (granted.cache, &granted.postgres));
            prop_assert_eq!(grant.files(), &granted.files);
        }
    }

    #[test]
    fn a_special_address_is_dialled_only_where_a_rule_names_it(
        granted in capabilities(), server in server(), address in address(),
    ) {
        let grant = Grant::everything(&granted);
        if special_kind(address).is_some() && grant.may_dial(&server, address).is_ok() {
            prop_assert!(granted.network.iter().any(|rule| rule.names(&server, address)));
        }
    }

    #[test]
    fn removing_an_entry_never_lets_a_user_call_more(
        policy in user_policy(), index: prop::sample::Index, plugin in select(&PLUGINS[..]), tool in select(&TOOLS[..]),
    ) {
        let mut fewer = policy.clone();
        if let Some(plugins) = fewer.plugins.as_mut().filter(|plugins| !plugins.is_empty()) {
            let entry = plugins.iter().nth(index.index(plugins.len())).cloned();
            plugins.retain(|plugin| Some(plugin) != entry.as_ref());
        }
        if let Some(tools) = fewer.tools.as_mut().filter(|tools| !tools.is_empty()) {
            let entry = tools.iter().nth(index.index(tools.len())).cloned();
            tools.retain(|tool| Some(tool) != entry.as_ref());
        }
        prop_assert!(policy.may_call(plugin, tool) || !fewer.may_call(plugin, tool));
        prop_assert!(policy.may_hear_of(plugin) || !fewer.may_hear_of(plugin));
        // A list that is written only takes away, and who may hear of a plugin may call all of it.
        prop_assert!(!policy.may_hear_of(plugin) || policy.may_call(plugin, tool));
        for wider in [UserPolicy { plugins: None, ..policy.clone() }, UserPolicy { tools: None, ..policy.clone() }] {
            prop_assert!(wider.may_call(plugin, tool) || !policy.may_call(plugin, tool));
        }
    }
}
