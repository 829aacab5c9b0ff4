"""The days of links, packed by month: for reports over many links."""
