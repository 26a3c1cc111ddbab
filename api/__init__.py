"""HTTP only: routes, schemas, access, the page."""
