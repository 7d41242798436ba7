// Loaded in front of libc: calls on chosen paths fail as a dead share, a full disk or a missing right makes them fail.
//
//   KINFAST_FAULT=<call>:<errno>:<part of the path>[:<bytes written before it begins>]
//   call: open, list, stat, read, write, sync, or cut (the file is cut to half before it is read)
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static long left = -1; // bytes that may still be written; -1: not yet known

// The error for `call` on `path`, or 0.
static int fault(const char *call, const char *path) {
  const char *plan = getenv("KINFAST_FAULT");
  char name[16] = "", part[256] = "";
  int code = 0;
  long budget = 0;
  if (!plan || sscanf(plan, "%15[^:]:%d:%255[^:]:%ld", name, &code, part, &budget) < 3) return 0;
  if (strcmp(name, call) || !strstr(path, part)) return 0;
  if (left < 0) left = budget;
  return code;
}

static int fault_fd(const char *call, int fd) {
  if (!getenv("KINFAST_FAULT")) return 0;
  char link[64], path[4096] = "";
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  return readlink(link, path, sizeof path - 1) < 0 ? 0 : fault(call, path);
}

#define FAIL_IF(code, failure)                                                                                         \
  do {                                                                                                                 \
    int found = (code);                                                                                                \
    if (found) return errno = found, failure;                                                                          \
  } while (0)

#define MODE(flags, mode)                                                                                              \
  mode_t mode = 0;                                                                                                     \
  if ((flags) & (O_CREAT | O_TMPFILE)) {                                                                               \
    va_list rest;                                                                                                      \
    va_start(rest, flags);                                                                                             \
    mode = va_arg(rest, mode_t);                                                                                       \
    va_end(rest);                                                                                                      \
  }

#define OPEN(name)                                                                                                     \
  int name(const char *path, int flags, ...) {                                                                         \
    MODE(flags, mode)                                                                                                  \
    FAIL_IF(fault("open", path), -1);                                                                                  \
    return REAL(name)(path, flags, mode);                                                                              \
  }
OPEN(open)
OPEN(open64)

DIR *opendir(const char *path) {
  FAIL_IF(fault("list", path), NULL);
  return REAL(opendir)(path);
}

int fstat(int fd, struct stat *status) {
  FAIL_IF(fault_fd("stat", fd), -1);
  return REAL(fstat)(fd, status);
}
int fstat64(int fd, struct stat64 *status) {
  FAIL_IF(fault_fd("stat", fd), -1);
  return REAL(fstat64)(fd, status);
}

static int read_fault(int fd) {
  if (fault_fd("cut", fd)) {
    char link[64];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    REAL(fstat)(fd, &status);
    unsetenv("KINFAST_FAULT"); // once
    if (truncate(link, status.st_size / 2) != 0) return errno;
  }
  return fault_fd("read", fd);
}
ssize_t read(int fd, void *to, size_t n) {
  FAIL_IF(read_fault(fd), -1);
  return REAL(read)(fd, to, n);
}
ssize_t pread(int fd, void *to, size_t n, off_t at) {
  FAIL_IF(read_fault(fd), -1);
  return REAL(pread)(fd, to, n, at);
}
ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  FAIL_IF(read_fault(fd), -1);
  return REAL(pread64)(fd, to, n, at);
}

// A full disk takes what still fits, and then nothing.
static ssize_t room(int fd, size_t n) {
  int code = fault_fd("write", fd);
  if (!code) return (ssize_t)n;
  if (left == 0 && n > 0) return errno = code, -1;
  ssize_t fits = (long)n < left ? (ssize_t)n : left;
  left -= fits;
  return fits;
}
ssize_t write(int fd, const void *from, size_t n) {
  ssize_t fits = room(fd, n);
  return fits < 0 ? -1 : REAL(write)(fd, from, (size_t)fits);
}
ssize_t pwrite(int fd, const void *from, size_t n, off_t at) {
  ssize_t fits = room(fd, n);
  return fits < 0 ? -1 : REAL(pwrite)(fd, from, (size_t)fits, at);
}
ssize_t pwrite64(int fd, const void *from, size_t n, off64_t at) {
  ssize_t fits = room(fd, n);
  return fits < 0 ? -1 : REAL(pwrite64)(fd, from, (size_t)fits, at);
}
int fsync(int fd) {
  FAIL_IF(fault_fd("sync", fd), -1);
  return REAL(fsync)(fd);
}
