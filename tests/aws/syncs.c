/* Loaded before libc (LD_PRELOAD): syncs that take longer, fail, or do nothing. CHAOS_SYNCS names a file of five 32-bit
   numbers that whoever tests writes while the process runs: milliseconds that each sync takes more, how many syncs
   are to fail, whether they do nothing; and reads: how many were asked for, how many have failed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct syncs {
    _Atomic uint32_t delay_ms, to_fail, lie, asked, failed;
};

static struct syncs *syncs;

__attribute__((constructor)) static void load(void) {
    const char *name = getenv("CHAOS_SYNCS");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    void *mapped = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *syncs, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (mapped == MAP_FAILED)
        /* A fault that is not there must not look like one that was survived. */
        abort();
    syncs = mapped;
}

/* Whether this sync is one that fails. */
static int fails(void) {
    uint32_t left = atomic_load(&syncs->to_fail);
    while (left > 0)
        if (atomic_compare_exchange_weak(&syncs->to_fail, &left, left - 1))
            return 1;
    return 0;
}

static int sync_as_told(const char *name, int file) {
    int (*really)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    atomic_fetch_add(&syncs->asked, 1);
    if (fails()) {
        atomic_fetch_add(&syncs->failed, 1);
        errno = EIO;
        return -1;
    }
    uint32_t delay_ms = atomic_load(&syncs->delay_ms);
    struct timespec delay = {delay_ms / 1000, delay_ms % 1000 * 1000000L};
    if (delay_ms > 0)
        nanosleep(&delay, NULL);
    return atomic_load(&syncs->lie) ? 0 : really(file);
}

int fdatasync(int file) { return sync_as_told("fdatasync", file); }

int fsync(int file) { return sync_as_told("fsync", file); }
