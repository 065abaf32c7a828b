"""What `tsbridge doctor` looks at: settings, Zendesk, the database and what stands in it; each finding is a line with a next step."""
