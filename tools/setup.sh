#!/usr/bin/env bash
# Sets up everything that kinfast needs, once: Debian packages where they are missing, a virtual environment, the build.
#   tools/setup.sh use   to run it           tools/setup.sh dev   to test and change it as well
#   tools/setup.sh cpp   Debian packages alone, for the C++ tests     tools/setup.sh fuzz  the same, for the fuzzer
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:?use, dev, cpp or fuzz}
venv=${KINFAST_VENV:-.venv}

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

fail() {
  printf 'setup: %s\n' "$*" >&2
  exit 2
}

packages_alone() { [ "$kind" = cpp ] || [ "$kind" = fuzz ]; }

install_debian_packages() {
  command -v dpkg-query >/dev/null || return 0 # not Debian: CMake says what is missing
  local wanted=(g++ libdeflate-dev libzstd-dev) missing=() package
  case "$kind" in
    fuzz) wanted+=(cmake ninja-build doctest-dev clang libclang-rt-dev llvm) ;;
    cpp | dev) wanted+=(cmake ninja-build doctest-dev) ;;
  esac
  packages_alone || find_python >/dev/null || wanted+=(python3)
  for package in "${wanted[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  packages_alone || add_python_packages
  [ ${#missing[@]} -eq 0 ] || apt_install "${missing[@]}"
  [ "$kind" != dev ] || install_browser
}

# The reports' tests open Chromium. Ubuntu has it as a snap only: there these tests skip, and say so.
install_browser() {
  local package missing=()
  for package in chromium chromium-driver; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] || (apt_install "${missing[@]}") || say "No browser could be installed: the reports' tests in one will skip"
}

apt_install() {
  local missing=("$@") sudo=()
  say "Installing Debian packages: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || fail "these Debian packages are missing and there is no sudo: ${missing[*]}"
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# A Python from Debian comes without venv and headers; one from elsewhere brings both.
add_python_packages() {
  local python version
  python=$(find_python) || { missing+=(python3-venv python3-dev); return 0; }
  version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  "$python" -c 'import ensurepip' 2>/dev/null || missing+=("python$version-venv")
  "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
    missing+=("python$version-dev")
}

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
    command -v "$name" >/dev/null || continue
    "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue
    command -v "$name"
    return 0
  done
  return 1
}

# What decides the build: Python files are live in the checkout and need no stamp.
fingerprint() {
  { printf '%s\n' "$kind"; git hash-object pyproject.toml CMakeLists.txt $(find cpp -name '*.[ch]pp' -o -name CMakeLists.txt | sort); } |
    sha256sum | cut -d' ' -f1
}

main() {
  local extra=train stamp
  packages_alone && { install_debian_packages; return 0; }
  [ "$kind" = dev ] && extra=dev
  stamp="$venv/.kinfast-$kind"
  [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(fingerprint)" ] && return 0
  install_debian_packages
  local python
  python=$(find_python) || fail "no Python 3.11 to 3.13 found: install one, or name it with PYTHON=/path/to/python3.12"
  if [ ! -x "$venv/bin/python" ]; then
    say "Making the virtual environment $venv with $("$python" --version)"
    "$python" -m venv "$venv"
  fi
  say "Installing kinfast[$extra] into $venv (PyTorch and DALI are about 3 GB the first time)"
  "$venv/bin/python" -m pip install --quiet --upgrade pip
  "$venv/bin/python" -m pip install --quiet --editable ".[$extra]"
  fingerprint >"$stamp"
}

main
