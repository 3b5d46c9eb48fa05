/* The Linux layers of the cage around decoders: landlock, a seccomp filter, fewer rights. Each function does one
 * thing to the calling process and can't be undone; the policy, where there is a choice, is in engine/cage.py.
 * No header newer than the C library is needed: structures and numbers are those of the kernel's stable interface.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LAYOUT = 1 };

static PyObject *failed(void) { return PyErr_SetFromErrno(PyExc_OSError); }

/* -- landlock: linux/landlock.h, numbers the same on every machine */

enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_ADD_RULE = 445, LANDLOCK_RESTRICT_SELF = 446 };

struct ruleset {
  uint64_t files, net, scoped;
};

struct __attribute__((packed)) path_beneath {
  uint64_t allowed;
  int32_t parent;
};

static PyObject *landlock_abi(PyObject *module, PyObject *none) {
  (void)module, (void)none;
  long abi = syscall(LANDLOCK_CREATE_RULESET, NULL, (size_t)0, 1u);
  return PyLong_FromLong(abi < 0 ? -(long)errno : abi);
}

static int add_rules(int ruleset, PyObject *rules) {
  Py_ssize_t count = PyTuple_Size(rules);
  for (Py_ssize_t i = 0; i < count; i++) {
    unsigned long long allowed;
    int parent;
    PyObject *rule = PyTuple_GetItem(rules, i);
    if (!rule || !PyTuple_Check(rule)) {
      if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a rule is a pair");
      return 0;
    }
    if (!PyArg_ParseTuple(rule, "iK", &parent, &allowed)) return 0;
    struct path_beneath beneath = {allowed, parent};
    if (syscall(LANDLOCK_ADD_RULE, ruleset, 1, &beneath, 0u) < 0) {
      failed();
      return 0;
    }
  }
  return 1;
}

static PyObject *landlock(PyObject *module, PyObject *args) {
  unsigned long long files, net, scoped;
  PyObject *rules;
  (void)module;
  if (!PyArg_ParseTuple(args, "O!KKK", &PyTuple_Type, &rules, &files, &net, &scoped)) return NULL;
  struct ruleset attributes = {files, net, scoped};
  /* An older kernel takes the shorter structure that it knows. */
  size_t size = scoped ? sizeof attributes : net ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
  int ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &attributes, size, 0u);
  if (ruleset < 0) return failed();
  if (!add_rules(ruleset, rules)) {
    close(ruleset);
    return NULL;
  }
  long done = syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0u);
  if (done < 0) failed();
  close(ruleset);
  if (done < 0) return NULL;
  Py_RETURN_NONE;
}

/* -- rights */

static PyObject *harden(PyObject *module, PyObject *none) {
  (void)module, (void)none;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 || prctl(PR_SET_DUMPABLE, 0UL, 0UL, 0UL, 0UL) < 0 ||
      prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL, 0UL, 0UL, 0UL) < 0)
    return failed();
  Py_RETURN_NONE;
}

/* Keep of the effective and permitted capabilities at most those of `keep`, and pass none on. */
static PyObject *keep_capabilities(PyObject *module, PyObject *args) {
  unsigned long long keep;
  (void)module;
  if (!PyArg_ParseTuple(args, "K", &keep)) return NULL;
  struct {
    uint32_t version;
    int pid;
  } head = {0x20080522u, 0};
  struct {
    uint32_t effective, permitted, inheritable;
  } data[2];
  if (syscall(SYS_capget, &head, data) < 0) return failed();
  for (int i = 0; i < 2; i++) {
    uint32_t some = (uint32_t)(keep >> (32 * i));
    data[i].effective &= some, data[i].permitted &= some, data[i].inheritable = 0;
  }
  if (syscall(SYS_capset, &head, data) < 0) return failed();
  Py_RETURN_NONE;
}

/* -- seccomp: linux/seccomp.h, linux/filter.h, linux/audit.h */

enum { SECCOMP_SET_MODE_FILTER = 1, SECCOMP_GET_ACTION_AVAIL = 2, FLAG_TSYNC = 1, FLAG_SPEC_ALLOW = 4 };
#define RETURN_ALLOW 0x7fff0000u
#define RETURN_ERRNO(e) (0x00050000u | (uint32_t)(e))

#if defined(__x86_64__) && !defined(__ILP32__)
#define MACHINE 0xc000003eu
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MACHINE 0xc00000b7u
#endif

#ifdef MACHINE

struct instruction {
  uint16_t code;
  uint8_t yes, no;
  uint32_t k;
};

struct program {
  uint16_t length;
  struct instruction *first;
};

enum { LOAD = 0x20, EQUAL = 0x15, AT_LEAST = 0x35, ANY_BIT = 0x45, RETURN = 0x06, MOST = 1024 };
enum { NUMBER = 0, ARCH = 4 };
#define ARGUMENT(n) (16u + 8u * (n)) /* its low half: both machines are little-endian */

struct draft {
  struct instruction at[MOST];
  size_t count;
};

static void put(struct draft *d, uint16_t code, uint8_t yes, uint8_t no, uint32_t k) {
  if (d->count < MOST) d->at[d->count] = (struct instruction){code, yes, no, k};
  d->count++; /* past MOST: refused before use */
}

static void answer(struct draft *d, uint32_t what) { put(d, RETURN, 0, 0, what); }

static void on(struct draft *d, uint32_t number, uint32_t what) {
  put(d, EQUAL, 0, 1, number);
  answer(d, what);
}

/* For one call, allow only where the low half of an argument is one of `values`; the number is loaded before. */
static void only(struct draft *d, uint32_t number, unsigned argument, const uint32_t *values, size_t count) {
  put(d, EQUAL, 0, (uint8_t)(2 * count + 2), number);
  put(d, LOAD, 0, 0, ARGUMENT(argument));
  for (size_t i = 0; i < count; i++) on(d, values[i], RETURN_ALLOW);
  answer(d, RETURN_ERRNO(EPERM));
}

/* ... and here refuse where it is one of them. */
static void except(struct draft *d, uint32_t number, unsigned argument, const uint32_t *values, size_t count) {
  put(d, EQUAL, 0, (uint8_t)(2 * count + 2), number);
  put(d, LOAD, 0, 0, ARGUMENT(argument));
  for (size_t i = 0; i < count; i++) on(d, values[i], RETURN_ERRNO(EPERM));
  answer(d, RETURN_ALLOW);
}

/* Refused to a decoder: what reaches other machines, other processes, other files' metadata, or the kernel's rarer
 * parts. Files themselves are landlock's. */
static const uint16_t REFUSED[] = {
    /* network */
    SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_sendto, SYS_sendmsg,
    SYS_sendmmsg,
    /* programs and other processes */
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp, SYS_tkill,
    SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo, SYS_setpgid, SYS_setsid, SYS_setpriority, SYS_sched_setscheduler,
    SYS_sched_setparam, SYS_sched_setattr, SYS_ioprio_set, SYS_migrate_pages, SYS_move_pages,
    /* memory that the limits do not count */
    SYS_memfd_create, SYS_shmget, SYS_shmat, SYS_shmctl, SYS_msgget, SYS_msgsnd, SYS_msgrcv, SYS_msgctl, SYS_semget,
    SYS_semop, SYS_semtimedop, SYS_semctl, SYS_mq_open, SYS_mq_unlink, SYS_mq_timedsend, SYS_mq_timedreceive,
    SYS_mq_notify, SYS_mq_getsetattr, SYS_setrlimit,
    /* who one is and what one may */
    SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid, SYS_setresuid, SYS_setresgid, SYS_setfsuid, SYS_setfsgid,
    SYS_setgroups, SYS_capset, SYS_personality, SYS_unshare, SYS_setns, SYS_seccomp, SYS_add_key, SYS_request_key,
    SYS_keyctl,
    /* the metadata of files, which landlock leaves alone; handles that pass it by */
    SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_setxattr, SYS_lsetxattr, SYS_fsetxattr,
    SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr, SYS_truncate, SYS_linkat, SYS_symlinkat, SYS_mknodat,
    SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init, SYS_fanotify_mark, SYS_quotactl,
    /* the system */
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_sethostname,
    SYS_setdomainname, SYS_acct, SYS_syslog, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime,
    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_vhangup,
    /* parts of the kernel that decoders have no use for and that were often broken */
    SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_io_setup, SYS_io_submit, SYS_splice, SYS_tee, SYS_vmsplice,
    SYS_remap_file_pages,
#ifdef SYS_kexec_file_load
    SYS_kexec_file_load,
#endif
#ifdef SYS_lookup_dcookie
    SYS_lookup_dcookie,
#endif
#ifdef SYS_nfsservctl
    SYS_nfsservctl,
#endif
#ifdef __x86_64__
    SYS_fork, SYS_vfork, SYS_chmod, SYS_chown, SYS_lchown, SYS_utime, SYS_utimes, SYS_futimesat, SYS_link, SYS_symlink,
    SYS_mknod, SYS_iopl, SYS_ioperm, SYS_modify_ldt,
#endif
};

/* Calls numbered alike on all machines begin here; those not named are not there, as on an older kernel, so that
 * libraries fall back (clone3, whose flags a filter can't see, to clone) and a future call is closed. */
enum { NEWER = 424 };
static const uint16_t NEWER_ALLOWED[] = {
    436 /* close_range */, 437 /* openat2 */,     439 /* faccessat2 */, 441 /* epoll_pwait2 */, 449 /* futex_waitv */,
    451 /* cachestat */,   453 /* shadow stack */, 454 /* futex_wake */, 455 /* futex_wait */,   456 /* futex_requeue */,
    462 /* mseal */,
};

#define LENGTH(list) (sizeof(list) / sizeof *(list))

static void draw(struct draft *d) {
  static const uint32_t names[] = {2 /* GET_PDEATHSIG */, 3 /* GET_DUMPABLE */, 15 /* SET_NAME */, 16 /* GET_NAME */,
                                   21 /* GET_SECCOMP */, 23 /* CAPBSET_READ */, 39 /* GET_NO_NEW_PRIVS */,
                                   0x53564d41 /* SET_VMA: names for memory */};
  static const uint32_t typed[] = {0x5412 /* TIOCSTI */, 0x541c /* TIOCLINUX */};
  static const uint32_t owners[] = {8 /* F_SETOWN */, 10 /* F_SETSIG */, 15 /* F_SETOWN_EX */};
  const uint32_t own[] = {(uint32_t)getpid()};
  d->count = 0;
  put(d, LOAD, 0, 0, ARCH);
  put(d, EQUAL, 1, 0, MACHINE);
  answer(d, RETURN_ERRNO(EPERM));
  put(d, LOAD, 0, 0, NUMBER);
  put(d, AT_LEAST, 0, (uint8_t)(2 * LENGTH(NEWER_ALLOWED) + 1), NEWER); /* the 32-bit set of x86 lies up here too */
  for (size_t i = 0; i < LENGTH(NEWER_ALLOWED); i++) on(d, NEWER_ALLOWED[i], RETURN_ALLOW);
  answer(d, RETURN_ERRNO(ENOSYS));
  for (size_t i = 0; i < LENGTH(REFUSED); i++) on(d, REFUSED[i], RETURN_ERRNO(EPERM));
  put(d, EQUAL, 0, 4, SYS_clone); /* threads, no processes */
  put(d, LOAD, 0, 0, ARGUMENT(0));
  put(d, ANY_BIT, 0, 1, 0x00010000u /* CLONE_THREAD */);
  answer(d, RETURN_ALLOW);
  answer(d, RETURN_ERRNO(EPERM));
  put(d, EQUAL, 0, 6, SYS_prlimit64); /* asking, not setting: the new limit is a null pointer */
  put(d, LOAD, 0, 0, ARGUMENT(2));
  put(d, EQUAL, 0, 3, 0);
  put(d, LOAD, 0, 0, ARGUMENT(2) + 4);
  put(d, EQUAL, 0, 1, 0);
  answer(d, RETURN_ALLOW);
  answer(d, RETURN_ERRNO(EPERM));
  only(d, SYS_kill, 0, own, 1);
  only(d, SYS_tgkill, 0, own, 1);
  only(d, SYS_prctl, 0, names, LENGTH(names));
  except(d, SYS_ioctl, 1, typed, LENGTH(typed));
  except(d, SYS_fcntl, 1, owners, LENGTH(owners));
  answer(d, RETURN_ALLOW);
}

static PyObject *filter_errno(PyObject *module, PyObject *none) {
  uint32_t wanted = RETURN_ERRNO(0);
  (void)module, (void)none;
  return PyLong_FromLong(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &wanted) < 0 ? errno : 0);
}

static PyObject *filter(PyObject *module, PyObject *none) {
  struct draft d;
  (void)module, (void)none;
  draw(&d);
  if (d.count > MOST) {
    errno = E2BIG;
    return failed();
  }
  struct program made = {(uint16_t)d.count, d.at};
  long done = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FLAG_TSYNC | FLAG_SPEC_ALLOW, &made);
  if (done < 0 && errno == EINVAL) done = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, FLAG_TSYNC, &made);
  if (done > 0) { /* a thread that could not be brought under it */
    errno = EBUSY;
    done = -1;
  }
  if (done < 0) return failed();
  Py_RETURN_NONE;
}

#else

static PyObject *filter_errno(PyObject *module, PyObject *none) {
  (void)module, (void)none;
  return PyLong_FromLong(ENOSYS);
}

static PyObject *filter(PyObject *module, PyObject *none) {
  (void)module, (void)none;
  errno = ENOSYS;
  return failed();
}

#endif

static PyMethodDef functions[] = {
    {"landlock_abi", landlock_abi, METH_NOARGS, "The version of landlock here, or an errno below zero."},
    {"landlock", landlock, METH_VARARGS, "landlock(((descriptor, bits), ...), files, net, scoped): restrict this thread."},
    {"harden", harden, METH_NOARGS, "No new rights, no memory for others to read, an end with the parent's."},
    {"keep_capabilities", keep_capabilities, METH_VARARGS, "Give up all capabilities but those of a mask."},
    {"filter_errno", filter_errno, METH_NOARGS, "0 where the filter can be had, or the errno that says why not."},
    {"filter", filter, METH_NOARGS, "Refuse the calls that decoders have no use for, in all threads."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_cage", "The Linux layers of the cage.", 0, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__cage(void);
PyMODINIT_FUNC PyInit__cage(void) {
  PyObject *module = PyModule_Create(&definition);
  if (module && PyModule_AddIntConstant(module, "LAYOUT", LAYOUT) < 0) {
    Py_DECREF(module);
    return NULL;
  }
  return module;
}
