"""A result's variants, asked questions: filters, pages, counts and exports over the job's Parquet file."""
