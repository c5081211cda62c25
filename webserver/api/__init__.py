"""The programs' way in: `/api/v1` with Globus bearer tokens, described by an OpenAPI document made from this code."""
