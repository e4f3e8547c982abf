"""The reviewer's page: a server-rendered web application."""
