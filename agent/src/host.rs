//! What the host is at this moment: which system runs, which is the profile, what only a reboot brings in.
