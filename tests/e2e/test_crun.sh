#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container of crun, from its start to the evidence.
runtime=crun
. "${TOP:-$(dirname "$0")/../..}/tests/lib/bare.sh"
