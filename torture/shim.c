/* Faults of the machine, put between a program and the C library (LD_PRELOAD): a test tool, never shipped.
 *
 * TORTURE_UNDER   folders, ':' between them, whose files are watched: what changes them is counted as steps
 * TORTURE_LOG     file to which each step below TORTURE_UNDER is appended, with its bytes, in order
 * TORTURE_KILL    number of the step before which the process is killed, without warning
 * TORTURE_TORN    with TORTURE_KILL: half of the write of that step is made first
 * TORTURE_FULL    number of the step from which on the disk is full (ENOSPC)
 * TORTURE_EIO     folder of which some files can't be read past some byte (EIO)
 * TORTURE_SHARE   percent of those files [20]
 * TORTURE_CLOCK   the wall clock jumps, by up to twenty years, back and forth
 * TORTURE_WATCH   file to which each change of the file system, anywhere, is appended as a line
 * TORTURE_SEED    for TORTURE_EIO and TORTURE_CLOCK
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FILES 4096
enum { NONE = 0, WATCHED = 1, FAILING = 2, FOLDER = 4 };

static struct {
    unsigned char kind;
    uint64_t inode;
    off_t fails_at;
} files[FILES];

static char under[4][PATH_MAX], failing[PATH_MAX];
static int under_count, log_fd = -1, watch_fd = -1, torn, clock_jumps, ready;
static long kill_at = -1, full_at = -1, steps;
static unsigned share = 20;
static uint64_t seed = 1, clock_state;
static int64_t clock_offset;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...)                                                                                        \
    static result (*real_##name)(__VA_ARGS__);                                                                         \
    static result (*find_##name(void))(__VA_ARGS__)                                                                    \
    {                                                                                                                  \
        if (!real_##name)                                                                                              \
            *(void **)&real_##name = dlsym(RTLD_NEXT, #name);                                                          \
        return real_##name;                                                                                            \
    }
REAL(int, open, const char *, int, ...)
REAL(int, openat, int, const char *, int, ...)
REAL(int, close, int)
REAL(ssize_t, read, int, void *, size_t)
REAL(ssize_t, pread, int, void *, size_t, off_t)
REAL(ssize_t, write, int, const void *, size_t)
REAL(ssize_t, pwrite, int, const void *, size_t, off_t)
REAL(int, ftruncate, int, off_t)
REAL(int, truncate, const char *, off_t)
REAL(int, fsync, int)
REAL(int, fdatasync, int)
REAL(int, renameat, int, const char *, int, const char *)
REAL(int, unlinkat, int, const char *, int)
REAL(int, mkdirat, int, const char *, mode_t)
REAL(int, link, const char *, const char *)
REAL(int, symlink, const char *, const char *)
REAL(int, chmod, const char *, mode_t)
REAL(int, utimensat, int, const char *, const struct timespec *, int)
REAL(int, clock_gettime, clockid_t, struct timespec *)
REAL(int, posix_fallocate, int, off_t, off_t)

static int held_fd(const char *name)
{
    const char *path = getenv(name);
    int low, high;
    if (!path || !*path)
        return -1;
    low = find_open()(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (low < 0)
        return -1;
    high = fcntl(low, F_DUPFD_CLOEXEC, 900);
    if (high < 0)
        return low;
    find_close()(low);
    return high;
}

__attribute__((constructor)) static void prepare(void)
{
    const char *text = getenv("TORTURE_UNDER");
    while (text && *text && under_count < 4) {
        size_t length = strcspn(text, ":");
        if (length && length < PATH_MAX) {
            memcpy(under[under_count], text, length);
            under[under_count++][length] = 0;
        }
        text += length + (text[length] == ':');
    }
    if ((text = getenv("TORTURE_EIO")) && strlen(text) < PATH_MAX)
        strcpy(failing, text);
    if ((text = getenv("TORTURE_SHARE")))
        share = (unsigned)strtoul(text, NULL, 10);
    if ((text = getenv("TORTURE_KILL")))
        kill_at = strtol(text, NULL, 10);
    if ((text = getenv("TORTURE_FULL")))
        full_at = strtol(text, NULL, 10);
    if ((text = getenv("TORTURE_SEED")))
        seed = strtoull(text, NULL, 10) + 1;
    torn = getenv("TORTURE_TORN") != NULL;
    clock_jumps = getenv("TORTURE_CLOCK") != NULL;
    clock_state = seed * 0x9E3779B97F4A7C15u + (uint64_t)getpid();
    log_fd = held_fd("TORTURE_LOG");
    watch_fd = held_fd("TORTURE_WATCH");
    ready = 1;
}

static int below(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return length && !strncmp(path, folder, length) && (path[length] == '/' || path[length] == 0);
}

static int watched(const char *path)
{
    for (int n = 0; n < under_count; n++)
        if (below(path, under[n]))
            return 1;
    return 0;
}

/* The absolute path of what `path` names below the folder `at`; links are not followed. */
static const char *whole(int at, const char *path, char *room)
{
    ssize_t length;
    char name[64];
    if (path[0] == '/')
        return path;
    if (at == AT_FDCWD)
        strcpy(name, "/proc/self/cwd");
    else
        snprintf(name, sizeof name, "/proc/self/fd/%d", at);
    length = readlink(name, room, PATH_MAX - 1);
    if (length <= 0)
        return path;
    room[length] = 0;
    snprintf(room + length, PATH_MAX - (size_t)length, "/%s", path);
    return room;
}

static void note(char what, uint64_t inode, uint64_t offset, const void *one, size_t first, const void *two, size_t second)
{
    unsigned char head[33];
    uint32_t sizes[3] = {(uint32_t)getpid(), (uint32_t)first, (uint32_t)second};
    struct iovec parts[3] = {{head, sizeof head}, {(void *)one, first}, {(void *)two, second}};
    if (log_fd < 0)
        return;
    head[0] = (unsigned char)what;
    memcpy(head + 1, sizes, 12);
    memcpy(head + 13, &inode, 8);
    memcpy(head + 21, &offset, 8);
    memset(head + 29, 0, 4);
    if (writev(log_fd, parts, 3) < 0)
        abort();
}

static void told(const char *what, const char *path)
{
    char line[PATH_MAX + 64];
    int length;
    if (watch_fd < 0)
        return;
    length = snprintf(line, sizeof line, "%d %s %s\n", (int)getpid(), what, path);
    if (find_write()(watch_fd, line, (size_t)length) < 0)
        abort();
}

static void end(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* One step: counted, and the end of the process or of the room on the disk where it is the one. 1 where no room. */
static int step(int needs_room)
{
    long now = __atomic_add_fetch(&steps, 1, __ATOMIC_SEQ_CST);
    if (kill_at >= 0 && now >= kill_at && !torn)
        end();
    return needs_room && full_at >= 0 && now >= full_at;
}

static int no_room(void)
{
    errno = ENOSPC;
    return -1;
}

static uint64_t mixed(uint64_t value)
{
    value ^= value >> 33, value *= 0xff51afd7ed558ccdu;
    value ^= value >> 33, value *= 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 33;
}

static void opened(int fd, const char *path, int flags, int existed)
{
    struct stat found;
    if (fd < 0 || fd >= FILES)
        return;
    files[fd].kind = NONE;
    if (fstat(fd, &found))
        return;
    files[fd].inode = found.st_ino;
    if (S_ISDIR(found.st_mode)) {
        if (watched(path))
            files[fd].kind = WATCHED | FOLDER;
        return;
    }
    if (!S_ISREG(found.st_mode))
        return;
    if (watched(path)) {
        files[fd].kind = WATCHED;
        if (flags & O_CREAT && !existed)
            note('C', found.st_ino, 0, path, strlen(path), NULL, 0);
        else if (flags & O_TRUNC)
            note('T', found.st_ino, 0, NULL, 0, NULL, 0);
    } else if (failing[0] && below(path, failing)) {
        uint64_t hash = seed;
        for (const char *c = path; *c; c++)
            hash = mixed(hash ^ (unsigned char)*c);
        if (hash % 100 < share) {
            files[fd].kind = FAILING;
            files[fd].fails_at = found.st_size ? (off_t)(mixed(hash) % (uint64_t)found.st_size) : 0;
        }
    }
}

static int opens(int at, const char *path, int flags, mode_t mode)
{
    char room[PATH_MAX * 2];
    int fd, existed = 1, saved;
    const char *full;
    if (!ready)
        return find_openat()(at, path, flags, mode);
    full = whole(at, path, room);
    if (flags & O_CREAT && (under_count || watch_fd >= 0)) {
        struct stat found;
        existed = !lstat(full, &found);
        if (!existed && watched(full) && step(1))
            return no_room();
    }
    if (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))
        told("open", full);
    pthread_mutex_lock(&lock);
    fd = find_openat()(at, path, flags, mode);
    saved = errno;
    opened(fd, full, flags, existed);
    pthread_mutex_unlock(&lock);
    errno = saved;
    return fd;
}

#define MODE(last)                                                                                                     \
    mode_t mode = 0;                                                                                                   \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                                             \
        va_list rest;                                                                                                  \
        va_start(rest, last);                                                                                          \
        mode = va_arg(rest, mode_t);                                                                                   \
        va_end(rest);                                                                                                  \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags)
    return opens(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags)
    return opens(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    MODE(flags)
    return opens(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    MODE(flags)
    return opens(at, path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES)
        files[fd].kind = NONE;
    return find_close()(fd);
}

static int is(int fd, int kind)
{
    return fd >= 0 && fd < FILES && files[fd].kind & kind;
}

/* How many of `count` bytes at `offset` may be read; -1 with EIO where none. */
static ssize_t readable(int fd, size_t count, off_t offset)
{
    if (!is(fd, FAILING) || offset + (off_t)count <= files[fd].fails_at)
        return (ssize_t)count;
    if (offset >= files[fd].fails_at) {
        errno = EIO;
        return -1;
    }
    return (ssize_t)(files[fd].fails_at - offset);
}

ssize_t read(int fd, void *data, size_t count)
{
    ssize_t may = is(fd, FAILING) ? readable(fd, count, lseek(fd, 0, SEEK_CUR)) : (ssize_t)count;
    return may < 0 ? -1 : find_read()(fd, data, (size_t)may);
}

ssize_t pread(int fd, void *data, size_t count, off_t offset)
{
    ssize_t may = readable(fd, count, offset);
    return may < 0 ? -1 : find_pread()(fd, data, (size_t)may, offset);
}

ssize_t pread64(int fd, void *data, size_t count, off_t offset)
{
    return pread(fd, data, count, offset);
}

static ssize_t writes(int fd, const void *data, size_t count, off_t offset)
{
    ssize_t done;
    size_t wanted = count;
    int last = 0;
    if (step(1)) {
        if (__atomic_load_n(&steps, __ATOMIC_SEQ_CST) != full_at || count < 1024)
            return no_room();
        wanted = count / 2 / 512 * 512; /* the last that fits is cut short */
    }
    if (kill_at >= 0 && torn && __atomic_load_n(&steps, __ATOMIC_SEQ_CST) >= kill_at)
        wanted = count > 1 ? count / 2 : count, last = 1;
    pthread_mutex_lock(&lock);
    done = offset < 0 ? find_write()(fd, data, wanted) : find_pwrite()(fd, data, wanted, offset);
    if (done > 0)
        note('W', files[fd].inode, (uint64_t)(offset < 0 ? lseek(fd, 0, SEEK_CUR) - done : offset), data, (size_t)done, NULL, 0);
    pthread_mutex_unlock(&lock);
    if (last)
        end();
    return done;
}

ssize_t write(int fd, const void *data, size_t count)
{
    return is(fd, WATCHED) ? writes(fd, data, count, -1) : find_write()(fd, data, count);
}

ssize_t pwrite(int fd, const void *data, size_t count, off_t offset)
{
    return is(fd, WATCHED) ? writes(fd, data, count, offset) : find_pwrite()(fd, data, count, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off_t offset)
{
    return pwrite(fd, data, count, offset);
}

int ftruncate(int fd, off_t length)
{
    int done;
    if (!is(fd, WATCHED))
        return find_ftruncate()(fd, length);
    if (step(0))
        return no_room();
    pthread_mutex_lock(&lock);
    done = find_ftruncate()(fd, length);
    if (!done)
        note('T', files[fd].inode, (uint64_t)length, NULL, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off_t length)
{
    return ftruncate(fd, length);
}

int truncate(const char *path, off_t length)
{
    told("truncate", path);
    return find_truncate()(path, length);
}

int posix_fallocate(int fd, off_t offset, off_t length)
{
    if (is(fd, WATCHED) && step(1))
        return ENOSPC;
    return find_posix_fallocate()(fd, offset, length);
}

int posix_fallocate64(int fd, off_t offset, off_t length)
{
    return posix_fallocate(fd, offset, length);
}

static void synced(int fd)
{
    char path[PATH_MAX], name[64];
    ssize_t length;
    if (!is(fd, WATCHED))
        return;
    if (!is(fd, FOLDER)) {
        note('S', files[fd].inode, 0, NULL, 0, NULL, 0);
        return;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    length = readlink(name, path, sizeof path);
    if (length > 0)
        note('D', 0, 0, path, (size_t)length, NULL, 0);
}

int fsync(int fd)
{
    int done;
    if (is(fd, WATCHED))
        step(0);
    done = find_fsync()(fd);
    if (!done)
        synced(fd);
    return done;
}

int fdatasync(int fd)
{
    int done;
    if (is(fd, WATCHED))
        step(0);
    done = find_fdatasync()(fd);
    if (!done)
        synced(fd);
    return done;
}

static int changed(const char *name, const char *one, const char *two, int needs_room)
{
    told(name, two ? two : one);
    return (watched(one) || (two && watched(two))) && step(needs_room);
}

static int logged(int done, char what, const char *one, const char *two)
{
    int saved = errno;
    if (!done && (watched(one) || (two && watched(two))))
        note(what, 0, 0, one, strlen(one), two, two ? strlen(two) : 0);
    errno = saved;
    return done;
}

int renameat(int from, const char *old, int to, const char *new)
{
    char room[PATH_MAX * 2], other[PATH_MAX * 2];
    const char *one = whole(from, old, room), *two = whole(to, new, other);
    if (changed("rename", one, two, 1))
        return no_room();
    return logged(find_renameat()(from, old, to, new), 'R', one, two);
}

int rename(const char *old, const char *new)
{
    return renameat(AT_FDCWD, old, AT_FDCWD, new);
}

int unlinkat(int at, const char *path, int flags)
{
    char room[PATH_MAX * 2];
    const char *one = whole(at, path, room);
    changed("unlink", one, NULL, 0);
    return logged(find_unlinkat()(at, path, flags), flags & AT_REMOVEDIR ? 'X' : 'U', one, NULL);
}

int unlink(const char *path)
{
    return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
    return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int mkdirat(int at, const char *path, mode_t mode)
{
    char room[PATH_MAX * 2];
    const char *one = whole(at, path, room);
    if (changed("mkdir", one, NULL, 1))
        return no_room();
    return logged(find_mkdirat()(at, path, mode), 'M', one, NULL);
}

int mkdir(const char *path, mode_t mode)
{
    return mkdirat(AT_FDCWD, path, mode);
}

int link(const char *old, const char *new)
{
    told("link", new);
    return find_link()(old, new);
}

int symlink(const char *old, const char *new)
{
    told("symlink", new);
    return find_symlink()(old, new);
}

int chmod(const char *path, mode_t mode)
{
    told("chmod", path);
    return find_chmod()(path, mode);
}

int utimensat(int at, const char *path, const struct timespec times[2], int flags)
{
    char room[PATH_MAX * 2];
    told("utime", whole(at, path, room));
    return find_utimensat()(at, path, times, flags);
}

int clock_gettime(clockid_t which, struct timespec *now)
{
    int done = find_clock_gettime()(which, now);
    if (done || !clock_jumps || (which != CLOCK_REALTIME && which != CLOCK_REALTIME_COARSE))
        return done;
    clock_state = mixed(clock_state + 0x9E3779B97F4A7C15u);
    if (clock_state % 8 == 0)
        clock_offset = (int64_t)(mixed(clock_state) % (40u * 365 * 86400)) - 20ll * 365 * 86400;
    now->tv_sec += clock_offset;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &exact))
        return -1;
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}
