/* A disk that fails on request: a library that a process loads before all others (LD_PRELOAD).

   BAD_DISK names a file of ints that others write: what to fail with (errno), 0 for nothing, for syncs, writes and reads; of how many syncs
   one fails; whether what a failed sync should have brought to disk is lost. BAD_DISK_UNDER: only files below it are meant.

   Lost as Linux loses it: pages that could not be written are dropped, what stood there before is read again, and each open file of it is
   told once, at its next sync. What is written is kept in mind per process, so loss is for programs of one process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNCS, WRITES, READS, ONE_OF, LOSES, INTS };
#define FILES 4096

static volatile int *told;
static const char *under;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned syncs;

struct written {
    dev_t dev;
    ino_t ino;
    off_t at;
    size_t size;
    char *before;
    struct written *older;
};
static struct written *newest;
static struct { dev_t dev; ino_t ino; int owed; } files[FILES];

static void *found(void **real, const char *name) { return *real ? *real : (*real = dlsym(RTLD_NEXT, name)); }
#define REAL(name) ((__typeof__(real_##name))found((void **)&real_##name, #name))
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate64)(int, off_t), (*real_unlink)(const char *);
static int (*real_fallocate64)(int, int, off_t, off_t), (*real_posix_fallocate64)(int, off_t, off_t);
static int (*real_open64)(const char *, int, ...), (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t), (*real_pwrite64)(int, const void *, size_t, off_t);
static ssize_t (*real_pread64)(int, void *, size_t, off_t), (*real_pwritev64)(int, const struct iovec *, int, off_t);

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("BAD_DISK");
    under = getenv("BAD_DISK_UNDER");
    int fd = name && under ? REAL(open)(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *ints = mmap(0, INTS * sizeof(int), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (ints != MAP_FAILED) told = ints;
}

static int is_below(const char *path) { return strncmp(path, under, strlen(under)) == 0; }

static int is_meant(int fd) {
    char link[64], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_below(path);
}

static int fails(int what, int fd) {
    int with = told ? told[what] : 0;
    if (!with || !is_meant(fd)) return 0;
    errno = with;
    return 1;
}

/* Keep in mind what stands there. */
static void remember(int fd, off_t at, size_t size) {
    struct stat is;
    if (!told || !told[LOSES] || !is_meant(fd) || fstat(fd, &is)) return;
    struct written *one = malloc(sizeof *one);
    *one = (struct written){is.st_dev, is.st_ino, at, size, calloc(1, size ? size : 1), 0};
    for (ssize_t got, all = 0; all < (ssize_t)size && (got = REAL(pread64)(fd, one->before + all, size - all, at + all)) > 0; all += got);
    pthread_mutex_lock(&mutex);
    one->older = newest;
    newest = one;
    pthread_mutex_unlock(&mutex);
}

/* All that was written to this file since it was last brought to disk: take it back, or let it be. */
static void settle(int fd, int lost) {
    struct stat is;
    if (!newest || fstat(fd, &is)) return;
    pthread_mutex_lock(&mutex);
    for (struct written **at = &newest, *one; (one = *at);) {
        if (one->dev != is.st_dev || one->ino != is.st_ino) {
            at = &one->older;
            continue;
        }
        if (lost && REAL(pwrite64)(fd, one->before, one->size, one->at) < 0) abort(); /* the newest first */
        *at = one->older;
        free(one->before);
        free(one);
    }
    pthread_mutex_unlock(&mutex);
}

/* Every other open file of it is owed the failure. */
static void owe(int fd) {
    struct stat is, other;
    if (fstat(fd, &is)) return;
    for (int each = 0; each < FILES; each++)
        if (each != fd && !fstat(each, &other) && other.st_dev == is.st_dev && other.st_ino == is.st_ino) {
            files[each].dev = is.st_dev;
            files[each].ino = is.st_ino;
            files[each].owed = 1;
        }
}

static int is_owed(int fd) {
    struct stat is;
    if (fd < 0 || fd >= FILES || !files[fd].owed || fstat(fd, &is)) return 0;
    files[fd].owed = 0;
    return files[fd].dev == is.st_dev && files[fd].ino == is.st_ino;
}

static int synced(int fd, int (*real)(int)) {
    if (is_owed(fd)) {
        errno = EIO;
        return -1;
    }
    if (told && told[SYNCS] && (told[ONE_OF] < 2 || syncs++ % told[ONE_OF] == 0) && fails(SYNCS, fd)) {
        int with = errno;
        if (told[LOSES]) {
            settle(fd, 1);
            owe(fd);
        }
        errno = with;
        return -1;
    }
    int done = real(fd);
    if (!done) settle(fd, 0);
    return done;
}

int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }

ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) {
    if (fails(WRITES, fd)) return -1;
    remember(fd, at, size);
    return REAL(pwrite64)(fd, from, size, at);
}
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return pwrite64(fd, from, size, at); }
ssize_t write(int fd, const void *from, size_t size) { return fails(WRITES, fd) ? -1 : REAL(write)(fd, from, size); }
ssize_t pwritev64(int fd, const struct iovec *from, int count, off_t at) { return fails(WRITES, fd) ? -1 : REAL(pwritev64)(fd, from, count, at); }
ssize_t pwritev(int fd, const struct iovec *from, int count, off_t at) { return pwritev64(fd, from, count, at); }
int ftruncate64(int fd, off_t size) { return fails(WRITES, fd) ? -1 : REAL(ftruncate64)(fd, size); }
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }
int fallocate64(int fd, int mode, off_t at, off_t size) { return fails(WRITES, fd) ? -1 : REAL(fallocate64)(fd, mode, at, size); }
int fallocate(int fd, int mode, off_t at, off_t size) { return fallocate64(fd, mode, at, size); }
int posix_fallocate64(int fd, off_t at, off_t size) { return fails(WRITES, fd) ? errno : REAL(posix_fallocate64)(fd, at, size); }
int posix_fallocate(int fd, off_t at, off_t size) { return posix_fallocate64(fd, at, size); }
ssize_t pread64(int fd, void *into, size_t size, off_t at) { return fails(READS, fd) ? -1 : REAL(pread64)(fd, into, size, at); }
ssize_t pread(int fd, void *into, size_t size, off_t at) { return pread64(fd, into, size, at); }

/* Of a path: a disk that cannot be written makes and takes away no file. */
static int refuses(const char *path, int writes) {
    if (!told || !told[WRITES] || !writes || !is_below(path)) return 0;
    errno = told[WRITES];
    return 1;
}
int unlink(const char *path) { return refuses(path, 1) ? -1 : REAL(unlink)(path); }

#define OPENS(name)                                                                       \
    int name(const char *path, int how, ...) {                                            \
        va_list more;                                                                     \
        va_start(more, how);                                                              \
        mode_t mode = va_arg(more, mode_t);                                               \
        va_end(more);                                                                     \
        return refuses(path, how & (O_WRONLY | O_RDWR | O_CREAT)) ? -1 : REAL(name)(path, how, mode); \
    }
OPENS(open)
OPENS(open64)
