//! What code inside a sandbox can see and touch of the host and of other sandboxes: nothing.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{As, Executor, RELAY_KEY, Sandbox, on_docker};

/// The same questions whoever runs the executor.
async fn both(check: impl AsyncFn(&Executor)) {
    for who in [As::Oneself, As::Nobody] {
        check(&Executor::start_as(who, 5).await).await;
    }
}

/// Runs Python, which all hosts of the tests have: it reaches the kernel without help of a shell.
async fn python(sandbox: &Sandbox<'_>, script: &str) -> String {
    sandbox.put("probe.py", script).await.unwrap();
    sandbox.says("python3 probe.py 2>&1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_host_are_not_there() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let data = executor.data.to_str().unwrap();
        // Docker insists on these two, but they can be empty.
        let insisted_on = ["/etc/resolv.conf", "/sys"];
        if on_docker() {
            assert_eq!(sandbox.says("cat /etc/resolv.conf; find /sys -not -type d").await, "");
        }
        for path in [
            "/root",
            "/srv",
            "/etc/shadow",
            "/etc/resolv.conf",
            "/etc/ssl/private",
            "/sys",
            "/boot",
            "/mnt",
            "/var/log",
            "/var/lib",
            "/opt/slipway",
            data,
        ] {
            if on_docker() && insisted_on.contains(&path) {
                continue;
            }
            let said = sandbox.sh(&format!("ls -d {path}")).await;
            assert_ne!(said.exit.code, 0, "{path} is there: {}", said.stdout);
        }
        let top: BTreeSet<_> = sandbox.says("ls /").await.lines().map(str::to_owned).collect();
        let known = [
            "bin",
            "dev",
            "etc",
            "home",
            "lib",
            "lib32",
            "lib64",
            "libx32",
            "opt",
            "proc",
            "run",
            "sbin",
            "tmp",
            "usr",
            "var",
            "workspace",
        ];
        let is_known = |name: &String| known.contains(&name.as_str()) || (on_docker() && name == "sys");
        assert!(top.iter().all(is_known), "{top:?}");
        assert_eq!(sandbox.says("cat /etc/passwd | wc -l; id -un; hostname").await, "2\nsandbox\nsandbox");
        assert_eq!(
            sandbox.says("ls /home /run /run/slipway").await,
            "/home:\nsandbox\n\n/run:\nslipway\n\n/run/slipway:\negress.sock\nslipway-executor"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_places_can_be_written() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let writable = sandbox.says("find / -xdev -writable \\( -type d -o -type f \\) 2>/dev/null; for d in /usr /usr/bin /etc /dev /dev/shm /tmp /var /run /run/slipway /home /home/sandbox /workspace /bin/ /lib/; do touch $d/x 2>/dev/null && echo $d; done; true").await;
        let writable: Vec<_> = writable.lines().filter(|line| !line.starts_with("/proc/") && *line != "/run/slipway/egress.sock").collect();
        let places: BTreeSet<_> = writable.iter().filter(|path| !path.ends_with("/x")).copied().collect();
        let may = BTreeSet::from(["/dev/shm", "/tmp", "/home/sandbox", "/workspace"]);
        assert_eq!(places, may, "{writable:?}");
        sandbox.says("touch /var/tmp/y && rm /tmp/y").await;
        // What is written in one place only is bounded: memory by its size, the disk by its own.
        let bounded = sandbox.sh("head -c 300M /dev/zero > /tmp/x").await;
        assert!(bounded.stderr.contains("No space left"), "{bounded:?}");
        let bounded = sandbox.sh("rm /tmp/x; head -c 300M /dev/zero > /dev/shm/x").await;
        assert!(bounded.stderr.contains("No space left"), "{bounded:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sandbox_is_out_of_sight() {
    both(async |executor| {
        let (one, two) = (executor.sandbox(1).await, executor.sandbox(2).await);
        one.says("echo secret-of-one > /workspace/secret; echo secret-of-one > /tmp/secret; echo x > /dev/shm/secret; (sleep 30 > /dev/null 2>&1 &)").await;
        let found = two.sh("grep -rs secret-of-one /workspace /tmp /home /run; ls /dev/shm; ps -e -o args | grep -c '[s]leep 30'").await;
        assert_eq!(found.stdout.trim(), "0", "{found:?}");
        // Its abstract sockets and its ports are of another network.
        one.says("python3 -c \"
import socket,os,time
u=socket.socket(socket.AF_UNIX); u.bind(b'\\0of-one'); u.listen()
t=socket.socket(); t.bind(('127.0.0.1',4567)); t.listen()
if os.fork()==0:
    os.setsid(); os.close(1); os.close(2); time.sleep(30)
\"").await;
        one.until("the port listens", |report| report.ports == [4567]).await;
        assert_eq!(two.report().await.ports, Vec::<u16>::new());
        let reached = python(&two, "
import socket
for kind, address in [(socket.AF_UNIX, b'\\0of-one'), (socket.AF_INET, ('127.0.0.1', 4567))]:
    try:
        socket.socket(kind).connect(address); print('reached', address)
    except OSError as error:
        print(error.strerror)
").await;
        assert_eq!(reached, "Connection refused\nConnection refused");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_of_the_host_are_out_of_sight_and_reach() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let seen = sandbox.says("ps -e -o pid=,comm= | grep -v -e ps$ -e sh$ -e grep$").await;
        assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), ["1", "slipway-executo"]);
        assert_eq!(sandbox.sh("kill -15 1; kill -9 1; kill -9 -1; kill -9 $$").await.exit.code, 137);
        assert!(sandbox.report().await.running);
        // Init runs as the same user, but nobody looks into it.
        for file in ["mem", "environ", "maps", "fd", "cwd/", "root/"] {
            let said = sandbox.sh(&format!("ls /proc/1/{file} >/dev/null && cat /proc/1/{file}")).await;
            assert_ne!(said.exit.code, 0, "/proc/1/{file}: {}", said.stdout);
        }
        // A command has its own input and output open and nothing else.
        assert_eq!(sandbox.says("ls /proc/self/fd").await, "0\n1\n2\n3");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network_but_loopback() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        assert_eq!(sandbox.says("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await, "lo");
        let host_port = executor.address().rsplit_once(':').unwrap().1.to_owned();
        let tried = python(
            &sandbox,
            &format!(
                "
import socket
for address in [('127.0.0.1', {host_port}), ('1.1.1.1', 443), ('169.254.169.254', 80), ('10.0.0.1', 22)]:
    try:
        s = socket.socket(); s.settimeout(3); s.connect(address); print('reached', address)
    except OSError as error:
        print(error.strerror)
for kind in ['AF_PACKET', 'AF_VSOCK', 'AF_ALG', 'AF_BLUETOOTH', 'AF_CAN', 'AF_TIPC']:
    try:
        socket.socket(getattr(socket, kind), socket.SOCK_RAW); print('made', kind)
    except PermissionError:
        pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); print('made raw')
except PermissionError:
    pass
try:
    socket.getaddrinfo('example.com', 80); print('resolved')
except socket.gaierror:
    pass
"
            ),
        )
        .await;
        assert_eq!(
            tried,
            "Connection refused\nNetwork is unreachable\nNetwork is unreachable\nNetwork is unreachable"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_made_up() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let names: Vec<_> = sandbox
            .says("env -0 | tr '\\0' '\\n' | cut -d= -f1 | sort")
            .await
            .lines()
            .map(str::to_owned)
            .collect();
        let known = [
            "HOME",
            "HTTPS_PROXY",
            "HTTP_PROXY",
            "LANG",
            "NODE_USE_ENV_PROXY",
            "NO_PROXY",
            "PATH",
            "PWD",
            "TERM",
            "USER",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ];
        let known: Vec<_> = known.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>(), known.iter().collect());
        // Written so that the question does not find itself.
        let relay = RELAY_KEY.replacen('A', "[A]", 1);
        let look = format!(
            "grep -rasl -e canar[y] -e {relay} /proc/[0-9]*/environ /proc/[0-9]*/cmdline /etc /run /workspace"
        );
        let secrets = sandbox.sh(&look).await;
        assert_eq!(secrets.stdout, "");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_rights_to_gain() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let status = sandbox.says("grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status").await;
        let expected = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| format!("{name}:\t0000000000000000"));
        assert_eq!(status, format!("{}\nNoNewPrivs:\t1\nSeccomp:\t2", expected.join("\n")));
        // The same user for all; Docker has no numbers of its own inside.
        let user = sandbox.says("id -u").await;
        assert!(if on_docker() { user != "0" } else { user == "1000" }, "{user}");
        // Programs that change the user do not, and files cannot be made to.
        assert_eq!(sandbox.says("find / -xdev -perm /6000 -type f 2>/dev/null | head -1 >/dev/null; cp /usr/bin/id me; chmod 4755 me; ./me -u").await, user);
        for program in ["su -c id", "mount", "passwd -S"] {
            let said = sandbox.sh(&format!("{program} < /dev/null")).await;
            assert!(!said.stdout.contains("uid=0"), "{program}: {said:?}");
        }
assert_ne!(sandbox.sh("mknod block b 259 0").await.exit.code, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dangerous_system_calls_are_refused() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        // Numbers of x86-64; by numbers, because libraries refuse some of them on their own.
        if cfg!(not(target_arch = "x86_64")) {
            return;
        }
        let script = "
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
calls = dict(mount=165, umount2=166, pivot_root=155, chroot=161, setns=308, unshare=272, open_tree=428, move_mount=429,
    fsopen=430, fsmount=432, mount_setattr=442, open_by_handle_at=304, name_to_handle_at=303, add_key=248, request_key=249,
    keyctl=250, bpf=321, perf_event_open=298, userfaultfd=323, fanotify_init=300, io_uring_setup=425, io_uring_enter=426,
    io_uring_register=427, ptrace=101, process_vm_readv=310, process_vm_writev=311, pidfd_getfd=438, kcmp=312,
    kexec_load=246, kexec_file_load=320, init_module=175, finit_module=313, delete_module=176, reboot=169, swapon=167,
    swapoff=168, acct=163, quotactl=179, settimeofday=164, clock_settime=227, syslog=103, sethostname=170, iopl=172,
    ioperm=173, modify_ldt=154, mbind=237, move_pages=279, migrate_pages=256)
for name, number in calls.items():
    ctypes.set_errno(0)
    if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
        print(name, ctypes.get_errno())
for flag in [0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000]:
    ctypes.set_errno(0)
    if libc.syscall(56, flag | 17, 0, 0, 0, 0) != -1 or ctypes.get_errno() != errno.EPERM:
        print('clone', hex(flag), ctypes.get_errno())
ctypes.set_errno(0)
if libc.syscall(435, 0, 0) != -1 or ctypes.get_errno() != errno.ENOSYS:
    print('clone3', ctypes.get_errno())
ctypes.set_errno(0)
if libc.syscall(0x40000000 | 39) != -1 or ctypes.get_errno() != errno.ENOSYS:
    print('x32', ctypes.get_errno())
ctypes.set_errno(0)
if libc.ioctl(0, 0x5412, b'x') != -1 or ctypes.get_errno() != errno.EPERM:
    print('TIOCSTI', ctypes.get_errno())
print('tried', len(calls))
";
        assert_eq!(python(&sandbox, script).await, "tried 48");
        for tool in ["unshare -Ur true", "unshare -m true", "mount -t tmpfs x /tmp", "nsenter -t 1 -m true"] {
            assert_ne!(sandbox.sh(tool).await.exit.code, 0, "{tool}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kernels_settings_cannot_be_written() {
    both(async |executor| {
        let sandbox = executor.sandbox(1).await;
        let written = sandbox.sh("for f in $(find /proc/sys /proc/sysrq-trigger /proc/irq -type f 2>/dev/null); do if (cat $f > /tmp/was && cat /tmp/was > $f) 2>/dev/null; then echo $f; fi; done").await;
        assert_eq!(written.stdout, "", "these can be written");
        for file in ["kcore", "keys", "timer_list", "vmallocinfo"] {
            assert_eq!(sandbox.sh(&format!("cat /proc/{file} 2>/dev/null | head -c 1")).await.stdout, "", "/proc/{file}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_has_a_user_of_its_own_on_the_host() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let executor = Executor::start().await;
    let mut users = BTreeSet::new();
    for number in [1, 2] {
        let sandbox = executor.sandbox(number).await;
        sandbox
            .exec(
                "marker",
                json!({ "argv": ["sh", "-c", format!("sleep 7654{number} & exit 0")], "timeout_ms": 5000 }),
            )
            .await
            .unwrap();
        let process = std::fs::read_dir("/proc").unwrap().flatten().find(|entry| {
            let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            command == format!("sleep\07654{number}\0").into_bytes()
        });
        let status = std::fs::read_to_string(process.unwrap().path().join("status")).unwrap();
        let line =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        let uids: BTreeSet<_> =
            line("Uid:").split_whitespace().map(|uid| uid.parse::<u32>().unwrap()).collect();
        assert!(uids.len() == 1 && uids.iter().all(|uid| *uid >= 1_900_000_000), "{uids:?}");
        // Docker counts a user's own group among the others.
        let own = if on_docker() { uids.iter().map(u32::to_string).collect() } else { String::new() };
        assert_eq!(line("Groups:"), own, "groups of the host");
        users.extend(uids);
    }
    assert_eq!(users.len(), 2);
}
