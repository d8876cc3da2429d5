# SPDX-License-Identifier: Apache-2.0
"""What the system tests share. Nothing here knows the product's code, only its contract."""
