#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container of runc, from its start to the evidence.
runtime=runc
. "${TOP:-$(dirname "$0")/../..}/tests/lib/bare.sh"
