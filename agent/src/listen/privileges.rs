//! Giving up root, for good, before anything is opened.

use nix::errno::Errno;
use nix::unistd::{
    Gid, Group, Uid, User, getegid, geteuid, getgid, getgroups, getresgid, getresuid, setgroups, setresgid,
    setresuid, setuid,
};

/// Why the process would have more rights than any local user.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the names say it")]
pub enum PrivilegesError {
    #[error("there is no user {name}")]
    NoUser { name: String },
    /// The user or group database could not be read.
    #[error("cannot look up {name}")]
    Lookup {
        /// User or group.
        name: String,
        /// What the C library says.
        #[source]
        source: Errno,
    },
    /// `--user root`.
    #[error("user {name} is root, who keeps every privilege; name another user")]
    IsRoot { name: String },
    /// Only root can become somebody else.
    #[error("cannot become user {name}: not started as root")]
    NotRoot { name: String },
    /// It could change things.
    #[error(
        "user {user} is a member of group {group}, which may change things; the listener must not be: name another user"
    )]
    Member {
        /// Who it would run as.
        user: String,
        /// `state.group`
        group: String,
    },
    /// A system call was refused.
    #[error("{call} was refused")]
    Call {
        call: &'static str,
        #[source]
        source: Errno,
    },
    /// The kernel would give root back.
    #[error("root is not given up: it could be had again as user {name}")]
    NotDropped {
        /// Who it should have become.
        name: String,
    },
}

/// Started as root, becomes `user` (default [`super::DEFAULT_USER`]) with its primary group and no other; started by
/// anybody else, stays who it is. Refuses when the result is root or a member of `forbidden_group`.
pub fn drop_privileges(user: Option<&str>, forbidden_group: &str) -> Result<(), PrivilegesError> {
    let forbidden = lookup(forbidden_group, Group::from_name(forbidden_group))?;
    if geteuid().is_root() || Uid::current().is_root() {
        let name = user.unwrap_or(super::DEFAULT_USER);
        let account = lookup(name, User::from_name(name))?
            .ok_or_else(|| PrivilegesError::NoUser { name: name.to_owned() })?;
        refuse_account(&account, forbidden.as_ref())?;
        become_user(&account)?;
        tracing::info!(user = %account.name, uid = %account.uid, "privileges given up");
    } else if let Some(name) = user {
        let account = lookup(name, User::from_name(name))?
            .ok_or_else(|| PrivilegesError::NoUser { name: name.to_owned() })?;
        if account.uid != geteuid() {
            return Err(PrivilegesError::NotRoot { name: name.to_owned() });
        }
    }
    // Nothing that is executed may give privileges again (setuid programs, file capabilities). The kernel keeps this for
    // each thread: it counts for this one and those that it starts.
    nix::sys::prctl::set_no_new_privs()
        .map_err(|source| PrivilegesError::Call { call: "PR_SET_NO_NEW_PRIVS", source })?;
    refuse_membership(forbidden.as_ref())
}

fn lookup<T>(name: &str, found: nix::Result<Option<T>>) -> Result<Option<T>, PrivilegesError> {
    found.map_err(|source| PrivilegesError::Lookup { name: name.to_owned(), source })
}

fn refuse_account(account: &User, forbidden: Option<&Group>) -> Result<(), PrivilegesError> {
    if account.uid.is_root() {
        return Err(PrivilegesError::IsRoot { name: account.name.clone() });
    }
    match forbidden {
        Some(group) if account.gid == group.gid || group.mem.contains(&account.name) => {
            Err(PrivilegesError::Member { user: account.name.clone(), group: group.name.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

/// Groups first: after `setresuid` the process may no longer change them. The C library does it for all threads.
fn become_user(account: &User) -> Result<(), PrivilegesError> {
    let (uid, gid) = (account.uid, account.gid);
    let call =
        |call, result: nix::Result<()>| result.map_err(|source| PrivilegesError::Call { call, source });
    call("setgroups", setgroups(&[]))?;
    call("setresgid", setresgid(gid, gid, gid))?;
    call("setresuid", setresuid(uid, uid, uid))?;

    let users = getresuid().map_err(|source| PrivilegesError::Call { call: "getresuid", source })?;
    let groups = getresgid().map_err(|source| PrivilegesError::Call { call: "getresgid", source })?;
    let changed = [users.real, users.effective, users.saved] == [uid; 3]
        && [groups.real, groups.effective, groups.saved] == [gid; 3];
    if !changed || setuid(Uid::from_raw(0)).is_ok() {
        return Err(PrivilegesError::NotDropped { name: account.name.clone() });
    }
    Ok(())
}

/// What counts is what the process is, whoever started it: primary, effective and supplementary groups.
fn refuse_membership(forbidden: Option<&Group>) -> Result<(), PrivilegesError> {
    let Some(group) = forbidden else { return Ok(()) };
    let mut groups: Vec<Gid> =
        getgroups().map_err(|source| PrivilegesError::Call { call: "getgroups", source })?;
    groups.extend([getgid(), getegid()]);
    if !groups.contains(&group.gid) {
        return Ok(());
    }
    let user = geteuid();
    let user =
        lookup("the own user", User::from_uid(user))?.map_or_else(|| user.to_string(), |user| user.name);
    Err(PrivilegesError::Member { user, group: group.name.clone() })
}
